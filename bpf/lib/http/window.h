/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The window of a message. Without CAP_PERFMON a program may go to fixed places of a packet only. So the window that the program sees is moved
 * (bpf_msg_pull_data), and fixed places of the window are used; one that straddles two pieces of the message is put together by the kernel on that occasion.
 */
#pragma once
#include "scratch.h"

#define KM_BLOCK_BYTES 256
#define KM_BLOCK_WORDS 32

/* The window [at, at + bytes) of the message. 0, or the kernel's error. */
static __always_inline long km_window(struct sk_msg_md *msg, __u32 at, __u32 bytes)
{
  return bpf_msg_pull_data(msg, at, at + bytes, 0);
}
