/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes of a message, put into `head` of a request. In: a message of sk_msg. Out: whole words of it, and its last bytes.
 */
#pragma once
#include "../loop.h"
#include "name.h"
#include "window.h"

/* The last bytes of a message: those of its last eight. 0, or an error. */
__noinline int km_copy_last(struct sk_msg_md *msg, struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  __u32 size = msg->size;
  if (!request || size > KM_HEAD_MAX)
    return -1;
  if (size < KM_WORD_BYTES) {
    if (km_window(msg, 0, size))
      return -1;
    const __u8 *from = (const __u8 *)(long)msg->data;
    const __u8 *end = (const __u8 *)(long)msg->data_end;
#pragma unroll
    for (int i = 0; i < KM_WORD_BYTES; i++) {
      if (from + i + 1 > end)
        break;
      request->head[i] = from[i];
    }
    return 0;
  }
  __u32 last = size - KM_WORD_BYTES;
  if (km_window(msg, last, KM_WORD_BYTES))
    return -1;
  const __u8 *from = (const __u8 *)(long)msg->data;
  const __u8 *end = (const __u8 *)(long)msg->data_end;
  if (from + KM_WORD_BYTES > end)
    return -1;
  last &= KM_HEAD_MAX - 1;
  barrier_var(last);
  *(__u64 *)(request->head + last) = *(const __u64 *)from;
  return 0;
}

/* Whole words of the window, up to so many from its beginning on, to a place in `head`. */
static __always_inline void km_copy_words(const struct sk_msg_md *msg, __u8 *to, int words)
{
  const __u8 *from = (const __u8 *)(long)msg->data;
  const __u8 *end = (const __u8 *)(long)msg->data_end;
#pragma unroll
  for (int i = 0; i < words; i++) {
    if (from + (i + 1) * KM_WORD_BYTES > end)
      break;
    *(__u64 *)(to + i * KM_WORD_BYTES) = *(const __u64 *)(from + i * KM_WORD_BYTES);
  }
}

/* Up to KM_BLOCK_BYTES from `at` on, whole words. 0, or an error. */
__noinline int km_copy_block(struct sk_msg_md *msg, struct km_request *given, __u32 at)
{
  struct km_request *request = km_scratch_of(given);
  __u32 size = msg->size;
  if (!request || at >= size || at > KM_HEAD_MAX - KM_BLOCK_BYTES)
    return -1;
  __u32 left = size - at;
  if (left > KM_BLOCK_BYTES)
    left = KM_BLOCK_BYTES;
  if (km_window(msg, at, left))
    return -1;
  at &= KM_HEAD_MAX - 1;
  barrier_var(at);
  km_copy_words(msg, request->head + at, KM_BLOCK_WORDS);
  return 0;
}

/* Most heads are no longer. */
#define KM_FIRST_BYTES 512
#define KM_FIRST_WORDS 64

/* Up to KM_FIRST_BYTES from the beginning, whole words. 0, or an error. */
__noinline int km_copy_first(struct sk_msg_md *msg, struct km_request *given, __u32 bytes)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return -1;
  if (km_window(msg, 0, bytes))
    return -1;
  km_copy_words(msg, request->head, KM_FIRST_WORDS);
  return 0;
}

struct km_copying {
  struct sk_msg_md *msg;
  __u32 slot;
  __u32 at;
  __u32 end;
  __u32 failed;
};

static long km_copy_step(__u32 step, struct km_copying *copying)
{
  if (copying->at >= copying->end)
    return KM_STOP;
  copying->failed = km_copy_block(copying->msg, km_scratch_at(&copying->slot), copying->at);
  copying->at += KM_BLOCK_BYTES;
  return copying->failed ? KM_STOP : KM_NEXT;
}

/* The rest of a long head, up to `end`. 0, or an error. A function of its own: what holds a pointer on the stack shares its place with nothing. */
__noinline int km_copy_rest(struct sk_msg_md *msg, struct km_request *request, __u32 end)
{
  if (!request)
    return -1;
  struct km_copying copying = { .msg = msg, .slot = request->slot, .at = KM_FIRST_BYTES, .end = end };
  bpf_loop(KM_HEAD_MAX / KM_BLOCK_BYTES, km_copy_step, &copying, 0);
  return copying.failed;
}
