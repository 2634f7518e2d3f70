/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Headers that a head has several times. In: the line of one of them, work.next_line. Out: the next one, as work.at and work.length, and its line. Conditions ask one
 * value after the other: a header fulfils what one of its values does (compiler/match/header.ts). Everything else wants a header to be there once, which
 * route.h sees to.
 */
#pragma once
#include "name.h"

/* What is done at work.scan. */
#define KM_LINES_SEEK 0  /* the next line end is looked for */
#define KM_LINES_BEGIN 1 /* a line begins */
#define KM_LINES_LEAD 2  /* blanks in front of the value are skipped */
#define KM_LINES_VALUE 3 /* the end of the value is looked for */
#define KM_LINES_TRAIL 4 /* blanks behind it are cut */
#define KM_LINES_FOUND 5

static __always_inline int km_is_blank(__u32 byte)
{
  return byte == ' ' || byte == '\t';
}

/* Up to 32 bytes, the length of the name in work.scan_end, at two places, whatever their case. */
static __always_inline int km_same_name(const struct km_request *request, __u32 at, __u32 other)
{
  const __u64 *words = km_words(request, at);
  const __u64 *others = km_words(request, other);
  __u64 differ = 0;
#pragma unroll
  for (int i = 0; i < KM_ROW_WORDS; i++) {
    __u64 word = km_lower(words[i]) ^ km_lower(others[i]);
    differ |= km_keep_some(word, (__s64)(__u64)request->work.scan_end - i * KM_WORD_BYTES);
  }
  return !differ && km_byte(request, at + request->work.scan_end) == ':';
}

static long km_lines_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  struct km_work *work = &request->work;
  __u32 at = work->scan;
  switch (work->scan_state) {
  case KM_LINES_BEGIN:
    work->scan_state = KM_LINES_SEEK;
    if (km_same_name(request, at, work->next_line)) {
      work->next_line = at;
      work->scan = at + work->scan_end + 1;
      work->scan_state = KM_LINES_LEAD;
    }
    return KM_NEXT;
  case KM_LINES_LEAD:
    if (km_is_blank(km_byte(request, at))) {
      work->scan++;
      return KM_NEXT;
    }
    work->at = at;
    work->scan_state = KM_LINES_VALUE;
    return KM_NEXT;
  case KM_LINES_TRAIL:
    if (work->length && km_is_blank(km_byte(request, work->at + work->length - 1))) {
      work->length--;
      return KM_NEXT;
    }
    work->scan_state = KM_LINES_FOUND;
    return KM_STOP;
  }
  if (at >= request->head_length)
    return KM_STOP;
  __u64 ends = km_bytes_equal(km_word(request, at), '\n');
  if (!ends) {
    work->scan = at + KM_WORD_BYTES;
    return KM_NEXT;
  }
  __u32 byte = 0;
#pragma unroll
  for (int i = KM_WORD_BYTES - 1; i >= 0; i--)
    byte = ends >> i * KM_BYTE_BITS & 0xff ? i : byte;
  work->scan = at + byte + 1;
  if (work->scan_state == KM_LINES_VALUE) {
    /* The line ends with two bytes, the second of which was found. */
    work->length = at + byte - 1 - work->at;
    work->scan_state = KM_LINES_TRAIL;
    return KM_NEXT;
  }
  work->scan_state = KM_LINES_BEGIN;
  return KM_NEXT;
}

/* 1: there is another line of the name, which has `length` bytes, behind work.next_line. */
static __always_inline int km_find_next_line(struct km_request *request, __u32 length)
{
  struct km_work *work = &request->work;
  work->scan = work->next_line;
  work->scan_end = length;
  work->scan_state = KM_LINES_SEEK;
  __u32 slot = request->slot;
  bpf_loop(KM_HEAD_MAX, km_lines_step, &slot, 0);
  return work->scan_state == KM_LINES_FOUND;
}
