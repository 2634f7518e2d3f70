/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a deciding program tells the kernel.
 * Invariant: a refusal is always ECONNREFUSED; returning 0 alone would be EPERM, which clients take for a firewall.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#define KM_DENY 0
#define KM_ALLOW 1
/* Of our own functions only: no verdict yet. */
#define KM_UNDECIDED 2

#define KM_TCP 6
#define KM_UDP 17

/* bpf_set_retval: kernel 5.18 */
static __always_inline int km_deny(void)
{
  bpf_set_retval(-ECONNREFUSED);
  return KM_DENY;
}
