/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk along a head, line by line. In: bytes in `head`, of which more may come. Out: the lines that matter, in order, to km_first_line and km_special_line, until
 * the head has ended or is none.
 *
 * Eight bytes at a time, from the beginning of each line: the first control character in a line must be the carriage return of its end, or a tab. So a line
 * feed alone, a carriage return alone, NUL and everything else of the kind are refused without being looked for. Most lines are told by the first letter and the
 * length of their names; their values are never looked at.
 * Nothing is kept across a call: without CAP_PERFMON a pointer that is put on the stack costs a speculation barrier.
 */
#pragma once
#include "name.h"

#define KM_SCAN_MORE 0  /* the head has not ended */
#define KM_SCAN_WHOLE 1 /* it has: head_length says where */
#define KM_SCAN_SLOW 2  /* it is none that is dealt with here: `reason` */

/* Headers of a head; Envoy takes no more either (max_headers_count). */
#define KM_LINES_MAX 100
#define KM_SCAN_BYTES 64
#define KM_SCAN_WORDS 8
#define KM_CONTROL_END 0x20

/* A text of up to eight characters as a word. */
#define KM_WORD4(a, b, c, d) ((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24)
#define KM_WORD8(a, b, c, d, e, f, g, h) (KM_WORD4(a, b, c, d) | KM_WORD4(e, f, g, h) << 32)

/* The first line, [0, end). 0, or KM_SCAN_SLOW. By head.h or response-head.h, as the next two. */
__noinline int km_first_line(struct km_request *given, __u32 end);
/* A header line [line, end) that may matter, with a name of so many characters. 0, or KM_SCAN_SLOW. */
__noinline int km_special_line(struct km_request *given, __u32 line, __u32 end, __u32 name);
/* 1: a line that begins with `first` and has a name of this length may matter. */
static __always_inline int km_may_matter(const struct km_head_scan *scan, __u64 first, __u32 length);

/* Bit 7 of each byte below 0x20, and of DEL. */
static __always_inline __u64 km_controls_in(__u64 word)
{
  __u64 low = word & KM_LOWS;
  __u64 printable = low + KM_ONES * (0x80 - KM_CONTROL_END);
  __u64 delete = low + KM_ONES;
  return (~printable | delete) & ~word & KM_HIGHS;
}

/* Bit 7 of each byte that a name may not have; letters, digits, - . _ are all that it may here. */
static __always_inline __u64 km_not_in_name(__u64 word)
{
  __u64 low = word & KM_LOWS;
  __u64 letter = low | KM_CASE;
  __u64 letters = (letter + KM_ONES * (0x80 - 'a')) & ~(letter + KM_ONES * (0x80 - 'z' - 1));
  __u64 digits = (low + KM_ONES * (0x80 - '0')) & ~(low + KM_ONES * (0x80 - '9' - 1));
  __u64 dashes = (low + KM_ONES * (0x80 - '-')) & ~(low + KM_ONES * (0x80 - '.' - 1));
  return (~(letters | digits | dashes) | word) & KM_HIGHS & ~km_bytes_equal(word, '_');
}

/* The same for names of letters and dashes alone, as most are. */
static __always_inline __u64 km_not_in_plain_name(__u64 word)
{
  __u64 letter = (word & KM_LOWS) | KM_CASE;
  __u64 letters = (letter + KM_ONES * (0x80 - 'a')) & ~(letter + KM_ONES * (0x80 - 'z' - 1)) & ~word;
  __u64 dash = word ^ KM_ONES * '-';
  __u64 others = ((dash & KM_LOWS) + KM_LOWS) | dash;
  return others & ~letters & KM_HIGHS;
}

static __always_inline void km_begin_scan(struct km_request *request)
{
  __builtin_memset(&request->scan, 0, sizeof(request->scan));
  request->reason = 0;
}

static __always_inline int km_scan_slow(struct km_request *request, __u32 reason)
{
  request->reason = reason;
  return KM_SCAN_SLOW;
}

/* The walk goes on, or ends with a result. */
static __always_inline long km_scan_result(struct km_request *request, int result)
{
  request->scan.result = result;
  return result ? KM_STOP : KM_NEXT;
}

#define KM_NAME_WORDS 8

/* The length of a name of any length; 0: it is none. The colon is behind it and before `end`. */
static __always_inline __u32 km_long_name(const struct km_request *request, __u32 line, __u32 end)
{
  __u32 length = 0;
#pragma unroll
  for (int i = 0; i < KM_NAME_WORDS; i++) {
    __u64 wrong = km_not_in_name(km_word(request, line + i * KM_WORD_BYTES));
    if (wrong) {
      length = i * KM_WORD_BYTES + km_first_byte(wrong);
      break;
    }
  }
  return length && line + length < end && km_byte(request, line + length) == ':' ? length : 0;
}

/* A line whose name is not that plain. */
__noinline int km_odd_line(struct km_request *given, __u32 line, __u32 end)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_SCAN_SLOW;
  __u32 name = km_long_name(request, line, end);
  if (!name)
    return km_scan_slow(request, KM_SLOW_SYNTAX);
  return km_may_matter(&request->scan, km_word(request, line) | KM_CASE, name) ? km_special_line(request, line, end, name) : 0;
}

#define KM_PLAIN_WORDS 4

/* A header line, [line, end). */
static __always_inline int km_header_line(struct km_request *request, __u32 line, __u32 end)
{
  __u64 first = km_word(request, line);
  __u64 wrong = km_not_in_plain_name(first);
  __u32 name = 0;
#pragma unroll
  for (int i = 1; i < KM_PLAIN_WORDS; i++) {
    if (wrong)
      break;
    name += KM_WORD_BYTES;
    wrong = km_not_in_plain_name(km_word(request, line + name));
  }
  name += wrong ? km_first_byte(wrong) : KM_WORD_BYTES;
  if (!name || line + name >= end || km_byte(request, line + name) != ':')
    return km_odd_line(request, line, end);
  return km_may_matter(&request->scan, first | KM_CASE, name) ? km_special_line(request, line, end, name) : 0;
}

/* A line has ended with the carriage return at `end`. */
static __always_inline int km_take_line(struct km_request *request, __u32 end)
{
  __u32 line = request->scan.line;
  __u32 next = end + KM_LINE_END_BYTES;
  request->scan.line = next;
  request->scan.at = next;
  if (!line)
    return km_first_line(request, end);
  if (end != line)
    return ++request->scan.lines > KM_LINES_MAX ? km_scan_slow(request, KM_SLOW_HEAD_SIZE) : km_header_line(request, line, end);
  request->head_length = next;
  /* Else clang makes one store of this and the one of a reason, to a place that depends on the way here, which the verifier refuses. */
  barrier();
  return KM_SCAN_WHOLE;
}

/* The first control character of the line under way, at `at`. */
static __always_inline long km_take_control(struct km_request *request, __u32 at)
{
  if (at + 1 >= request->scan.copied)
    return KM_STOP;
  __u64 word = km_word(request, at);
  if ((word & 0xffff) == KM_LINE_END)
    return km_scan_result(request, km_take_line(request, at));
  if ((word & 0xff) != '\t')
    return km_scan_result(request, km_scan_slow(request, KM_SLOW_SYNTAX));
  request->scan.at = at + 1;
  return KM_NEXT;
}

/*
 * Not 0 where a word has a control character, or seems to: beyond ASCII, or behind one that has. Cheaper than km_controls_in, for all the words that have none.
 */
static __always_inline __u64 km_may_have_controls(__u64 word)
{
  return ((word - KM_ONES * KM_CONTROL_END) | (word + KM_ONES)) & KM_HIGHS;
}

/* The next window, line or tab. KM_NEXT, or KM_STOP with scan.result. */
static __always_inline long km_scan_once(struct km_request *request)
{
  __u32 at = request->scan.at;
  if (at >= request->scan.copied)
    return KM_STOP;
  at &= KM_HEAD_MAX - 1;
  barrier_var(at);
  const __u64 *words = (const __u64 *)((const struct km_request *)km_behind(request, at))->head;
  __u32 found = at;
#pragma unroll
  for (int i = 0; i < KM_SCAN_WORDS; i++) {
    if (km_may_have_controls(words[i]))
      break;
    found += KM_WORD_BYTES;
  }
  /* Through memory: whichever word it was in, the verifier goes on once. */
  *(volatile __u32 *)&request->scan.at = found;
  found = *(volatile __u32 *)&request->scan.at;
  __u64 controls = km_controls_in(km_word(request, found));
  if (!controls) {
    /* What is behind `copied` is not there yet. */
    __u32 next = found + KM_WORD_BYTES;
    request->scan.at = next < request->scan.copied ? next : request->scan.copied;
    return KM_NEXT;
  }
  found += km_first_byte(controls);
  request->scan.at = found;
  return km_take_control(request, found);
}

/* Each step takes a window, a line or a tab; so many are taken in one call, which costs as much as one of them. */
#define KM_SCAN_STEPS KM_HEAD_MAX
#define KM_SCAN_AT_ONCE 5

static long km_scan_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
#pragma unroll
  for (int i = 0; i < KM_SCAN_AT_ONCE; i++) {
    if (km_scan_once(request) == KM_STOP)
      return KM_STOP;
  }
  return KM_NEXT;
}

/* Looks at `head` up to `copied`, behind which km_pad_head was. KM_SCAN_*. Global: verified once. */
__noinline int km_scan_on(struct km_request *given, __u32 copied)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_SCAN_SLOW;
  __u32 slot = request->slot;
  request->scan.copied = copied;
  request->scan.result = KM_SCAN_MORE;
  bpf_loop(KM_SCAN_STEPS / KM_SCAN_AT_ONCE, km_scan_step, &slot, 0);
  return request->scan.result;
}

/* Zeros from here on, which end a walk as they are no text. */
static __always_inline void km_pad_head(struct km_request *request, __u32 at)
{
  /* Through memory, so that the verifier knows as much of it on every way here. */
  *(volatile __u32 *)&request->scan.zeros = at;
  at = *(volatile __u32 *)&request->scan.zeros & (2 * KM_HEAD_MAX - 1);
  if (at > KM_HEAD_MAX)
    return;
  __u8 *end = ((struct km_request *)km_behind(request, at))->head;
#pragma unroll
  for (int i = 0; i < KM_SCAN_WORDS; i++)
    *(__u64 *)(end + i * KM_WORD_BYTES) = 0;
}
