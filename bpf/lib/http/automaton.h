/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Regexes. In: a span of the head and the first row of an automaton (proto/http/matching.ts). Out: whether it takes the whole span.
 */
#pragma once
#include "name.h"

#define KM_AUTOMATON_SHIFT 4
#define KM_AUTOMATON_STEPS (KM_HEAD_MAX >> KM_WORD_SHIFT)

/* Answers of a condition; those of a walk are the same. */
#define KM_ANSWER_NO 0
#define KM_ANSWER_YES 1
#define KM_ANSWER_MISSING 2
#define KM_ANSWER_SLOW 3

/* A word of the text, byte by byte; KM_AUTOMATON_DEAD and _UNSURE, which differ in one bit, end it. The table is looked up once a word. */
static long km_automaton_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  struct km_work *work = &request->work;
  void *table = bpf_map_lookup_elem(&km_http, &request->epoch);
  if (!table)
    return KM_STOP;
  __u64 word = km_word(request, work->scan);
  __u32 left = work->scan_end - work->scan;
  __u32 state = work->scan_state;
#pragma unroll
  for (int i = 0; i < KM_WORD_BYTES; i++) {
    if (i >= left || (state & KM_AUTOMATON_UNSURE) == KM_AUTOMATON_UNSURE)
      break;
    __u32 byte = word & 0xff;
    word >>= KM_BYTE_BITS;
    work->row = work->automaton + ((state & ~KM_AUTOMATON_ACCEPTS) << KM_AUTOMATON_SHIFT) + (byte >> 4);
    const struct km_automaton *row = bpf_map_lookup_elem(table, &work->row);
    if (!row) {
      work->marks = 1;
      return KM_STOP;
    }
    byte &= 0xf;
    barrier_var(byte);
    state = row->next[byte];
  }
  work->scan_state = state;
  work->scan += KM_WORD_BYTES;
  return (state & KM_AUTOMATON_UNSURE) == KM_AUTOMATON_UNSURE || left <= KM_WORD_BYTES ? KM_STOP : KM_NEXT;
}

/* KM_ANSWER_YES, _NO, or _SLOW: it cannot tell, or a row is missing. */
__noinline int km_automaton_takes(struct km_request *given, __u32 at, __u32 length, __u32 first)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_ANSWER_SLOW;
  const struct km_automaton *start = km_http_row(request, first);
  if (!start)
    return KM_ANSWER_SLOW;
  if (!length)
    return (start->next[0] & KM_AUTOMATON_ACCEPTS) != 0;
  struct km_work *work = &request->work;
  work->scan = at;
  work->scan_end = at + length;
  work->scan_state = 0;
  work->automaton = first;
  work->marks = 0;
  __u32 slot = request->slot;
  bpf_loop(KM_AUTOMATON_STEPS, km_automaton_step, &slot, 0);
  if (work->marks || work->scan_state == KM_AUTOMATON_UNSURE)
    return KM_ANSWER_SLOW;
  return (work->scan_state & KM_AUTOMATON_ACCEPTS) != 0;
}
