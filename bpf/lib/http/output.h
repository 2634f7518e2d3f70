/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `out`, where another head is written. In: spans of the head as it came. Out: their bytes behind what was written so far; all of its header lines but those that were cut.
 *
 * Bytes are moved by dynptrs (kernel 5.19), because a copy of variable length is one call that way.
 * Invariant: `acting.at` never exceeds KM_OUT_MAX where something is written, and what is written there is shorter than KM_OUT_MAX.
 */
#pragma once
#include "../loop.h"
#include "name.h"

#define KM_NO_CUT 0xffffffff
#define KM_CUT_SHIFT 16
#define KM_CUT_MASK 0xffff
#define KM_CARRIAGE_RETURN 13
/* What is copied in words at once; no more than KM_HEAD_PAD, since it may begin at the end of the head. */
#define KM_SHORT_BYTES 64

static __always_inline int km_fail_composing(struct km_request *request, __u32 reason)
{
  request->acting.failed = reason + 1;
  return KM_STOP;
}

/* Where the next byte goes; the caller has seen that there is room. */
static __always_inline __u8 *km_out_at(struct km_request *request)
{
  __u32 at = *(volatile __u32 *)&request->acting.at & (KM_OUT_MAX - 1);
  barrier_var(at);
  return ((struct km_request *)km_behind(request, at))->out;
}

static __always_inline int km_has_room(struct km_request *request, __u32 length)
{
  return length < KM_OUT_MAX && request->acting.at + length < KM_OUT_MAX;
}

/* KM_SHORT_BYTES, of which no more than those that count are kept. */
static __always_inline void km_put_short(struct km_request *request, __u32 from)
{
  const __u64 *words = km_words(request, from);
  __u64 *to = (__u64 *)km_out_at(request);
#pragma unroll
  for (int i = 0; i < KM_SHORT_BYTES / KM_WORD_BYTES; i++)
    to[i] = words[i];
}

/* Bytes of the head as it came. */
__noinline int km_put_head(struct km_request *given, __u32 from, __u32 length)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  struct bpf_dynptr head;
  if (!km_has_room(request, length))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  if (length <= KM_SHORT_BYTES) {
    km_put_short(request, from);
    request->acting.at += length;
    return KM_NEXT;
  }
  bpf_dynptr_from_mem(request->head, sizeof(request->head), 0, &head);
  if (bpf_dynptr_read(km_out_at(request), length & (KM_OUT_MAX - 1), &head, from, 0))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  request->acting.at += length;
  return KM_NEXT;
}

/* The lines in [line, end) do not go on. */
static __always_inline int km_cut_lines(struct km_request *request, __u32 line, __u32 end)
{
  __u32 count = *(volatile __u32 *)&request->acting.cut_count;
  if (count >= KM_CUTS_MAX)
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  request->acting.cut_count = count + 1;
  __u32 index = *(volatile __u32 *)&request->acting.cut_count - 1 & (KM_CUTS_MAX - 1);
  barrier_var(index);
  request->acting.cuts[index] = line << KM_CUT_SHIFT | end;
  return KM_NEXT;
}

/* Nothing is written or cut yet. */
static __always_inline void km_begin_output(struct km_request *request)
{
  request->out_length = 0;
  request->acting.at = 0;
  request->acting.failed = 0;
  request->acting.cut_count = 0;
#pragma unroll
  for (int i = 0; i < KM_CUTS_MAX; i++)
    request->acting.cuts[i] = KM_NO_CUT;
}

/* Of several cuts, in the order of the head: the first one that is left. */
static long km_rest_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  __u32 first = KM_NO_CUT;
#pragma unroll
  for (int i = 0; i < KM_CUTS_MAX; i++)
    first = request->acting.cuts[i] < first ? request->acting.cuts[i] : first;
  __u32 line = first == KM_NO_CUT ? request->acting.end : first >> KM_CUT_SHIFT;
  __u32 from = request->acting.from;
  if (line < from)
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  if (line > from && km_put_head(request, from, line - from))
    return KM_STOP;
  if (first == KM_NO_CUT)
    return KM_STOP;
  request->acting.from = first & KM_CUT_MASK;
#pragma unroll
  for (int i = 0; i < KM_CUTS_MAX; i++)
    if (request->acting.cuts[i] == first)
      request->acting.cuts[i] = KM_NO_CUT;
  return KM_NEXT;
}

/* All header lines that go on; `ends`: the empty line as well. */
__noinline int km_put_rest(struct km_request *given, __u32 ends)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  __u32 from = request->headers;
  __u32 end = request->head_length - (ends ? 0 : KM_LINE_END_BYTES);
  __u32 count = request->acting.cut_count;
  if (count > 1) {
    __u32 slot = request->slot;
    request->acting.from = from;
    request->acting.end = end;
    bpf_loop(KM_CUTS_MAX + 1, km_rest_step, &slot, 0);
    return request->acting.failed ? KM_STOP : KM_NEXT;
  }
  if (count) {
    __u32 cut = request->acting.cuts[0];
    __u32 line = cut >> KM_CUT_SHIFT;
    if (line < from)
      return km_fail_composing(request, KM_SLOW_TABLE);
    if (km_put_head(request, from, line - from))
      return KM_STOP;
    from = cut & KM_CUT_MASK;
  }
  return from > end ? km_fail_composing(request, KM_SLOW_TABLE) : km_put_head(request, from, end - from);
}
