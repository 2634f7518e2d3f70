/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Another head for a message. In: `out`, and how many bytes of the message it stands for. Out: the message with it, in one piece: a head in three pieces would
 * leave as three packets.
 */
#pragma once
#include "text-hash.h"
#include "window.h"

/* Up to KM_BLOCK_BYTES of `out` from `at` on into the message, whose new head ends at `end`. 0, or an error. */
__noinline int km_write_block(struct sk_msg_md *msg, struct km_request *given, __u32 at, __u32 end)
{
  struct km_request *request = km_scratch_of(given);
  if (!request || at >= end || end < KM_WORD_BYTES || end > KM_OUT_MAX)
    return -1;
  __u32 left = end - at;
  if (left > KM_BLOCK_BYTES)
    left = KM_BLOCK_BYTES;
  if (km_window(msg, at, left))
    return -1;
  __u32 from = at & (KM_OUT_MAX - 1);
  barrier_var(from);
  const __u64 *words = (const __u64 *)(request->out + from);
  __u8 *to = (__u8 *)(long)msg->data;
  __u8 *stop = (__u8 *)(long)msg->data_end;
#pragma unroll
  for (int i = 0; i < KM_BLOCK_WORDS; i++) {
    if (to + (i + 1) * KM_WORD_BYTES > stop)
      break;
    *(__u64 *)(to + i * KM_WORD_BYTES) = words[i];
  }
  if (!(left & (KM_WORD_BYTES - 1)))
    return 0;
  /* The last bytes, with those before them. */
  if (km_window(msg, end - KM_WORD_BYTES, KM_WORD_BYTES))
    return -1;
  /* Else the mask, which Linux 6.1 needs to see the range, is folded away. */
  from = end - KM_WORD_BYTES;
  barrier_var(from);
  from &= KM_OUT_MAX - 1;
  to = (__u8 *)(long)msg->data;
  stop = (__u8 *)(long)msg->data_end;
  if (to + KM_WORD_BYTES > stop)
    return -1;
  *(__u64 *)to = *(const __u64 *)(request->out + from);
  return 0;
}

struct km_writing {
  struct sk_msg_md *msg;
  __u32 slot;
  __u32 at;
  __u32 end;
  __u32 failed;
};

static long km_write_step(__u32 step, struct km_writing *writing)
{
  if (writing->at >= writing->end)
    return KM_STOP;
  writing->failed = km_write_block(writing->msg, km_scratch_at(&writing->slot), writing->at, writing->end);
  writing->at += KM_BLOCK_BYTES;
  return writing->failed ? KM_STOP : KM_NEXT;
}

/* What is behind the first two blocks. 0, or an error. */
__noinline int km_write_rest(struct sk_msg_md *msg, struct km_request *request, __u32 end)
{
  if (!request)
    return -1;
  struct km_writing writing = { .msg = msg, .slot = request->slot, .at = 2 * KM_BLOCK_BYTES, .end = end };
  bpf_loop(KM_OUT_MAX / KM_BLOCK_BYTES, km_write_step, &writing, 0);
  return writing.failed;
}

/*
 * The first `was` bytes of the message become `out`, in one piece. 0; 1: nothing was changed; -1: the message is spoilt, and must not be sent.
 */
__noinline int km_replace_head(struct sk_msg_md *msg, struct km_request *given, __u32 was)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return 1;
  __u32 now = request->out_length;
  if (now > was) {
    if (bpf_msg_push_data(msg, 0, now - was, 0))
      return 1;
  } else if (now < was) {
    if (bpf_msg_pop_data(msg, 0, was - now, 0))
      return 1;
  }
  if (km_window(msg, 0, now))
    return -1;
  if (km_write_block(msg, request, 0, now) || (now > KM_BLOCK_BYTES && km_write_block(msg, request, KM_BLOCK_BYTES, now)))
    return -1;
  if (now > 2 * KM_BLOCK_BYTES)
    return km_write_rest(msg, request, now) ? -1 : 0;
  return 0;
}
