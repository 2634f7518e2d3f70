/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One header line, of a request or a response. In: a span of the head. Out: its value without blanks, as a number, and whether it is one of the headers that framing and
 * hops depend on.
 */
#pragma once
#include "scan.h"

#define KM_VERSION11 0x312e312f50545448ULL /* "HTTP/1.1" */
#define KM_VERSION_BYTES 8
#define KM_BLANKS_MAX 8
static __always_inline int km_is_blank(__u32 character)
{
  return character == ' ' || character == '\t';
}

/* A blank at each end of scan.value to scan.value_end. KM_STOP where there is none (any more). */
static __always_inline long km_trim_on(struct km_request *request)
{
  struct km_head_scan *scan = &request->scan;
  if (scan->value >= scan->value_end)
    return KM_STOP;
  __u32 before = km_is_blank(km_byte(request, scan->value));
  __u32 behind = km_is_blank(km_byte(request, scan->value_end - 1));
  scan->value += before;
  scan->value_end -= behind;
  return before | behind ? KM_NEXT : KM_STOP;
}

static long km_trim_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  return request ? km_trim_on(request) : KM_STOP;
}

/* A value without blanks at its ends, as begin << 16 | length; KM_NONE_OF_IT: there are too many of them. */
#define KM_NONE_OF_IT 0xffffffff
__noinline __u32 km_trim_blanks(struct km_request *given, __u32 begin, __u32 end)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_NONE_OF_IT;
  request->scan.value = begin;
  request->scan.value_end = end;
  __u32 slot = request->slot;
  bpf_loop(KM_BLANKS_MAX, km_trim_step, &slot, 0);
  if (km_trim_on(request) == KM_NEXT)
    return KM_NONE_OF_IT;
  begin = request->scan.value;
  end = request->scan.value_end;
  return begin << 16 | (begin < end ? end - begin : 0);
}

/* The same: nearly always there is one blank in front of a value. */
static __always_inline __u32 km_trim(struct km_request *request, __u32 begin, __u32 end)
{
  if (begin + 1 < end && km_byte(request, begin) == ' ' && !km_is_blank(km_byte(request, begin + 1)) && !km_is_blank(km_byte(request, end - 1)))
    return (begin + 1) << 16 | (end - begin - 1);
  return km_trim_blanks(request, begin, end);
}

/* keep-alive says what is so anyway, close ends the connections behind the response; anything else is about hops. */
static __always_inline int km_take_connection(struct km_request *request, __u32 value, __u32 length)
{
  __u64 first = km_lower(km_word(request, value));
  if (length == 10 && first == KM_WORD8('k', 'e', 'e', 'p', '-', 'a', 'l', 'i') && (km_lower(km_word(request, value + 8)) & 0xffff) == KM_WORD4('v', 'e', 0, 0))
    return 0;
  if (length == 5 && (first & 0xffffffffffULL) == KM_WORD8('c', 'l', 'o', 's', 'e', 0, 0, 0)) {
    request->flags |= KM_HEAD_CLOSE;
    return 0;
  }
  return km_scan_slow(request, KM_SLOW_HOP);
}

/*
 * Which of the names that framing and hops depend on. What may be one is told by its first letter and its length, in a word of bits which the names that
 * are often met are not in.
 */
#define KM_OWN_BIT(letter, length) ((((letter) & 31) + (length) * 11) & 63)
#define KM_OWN(letter, length) (1ULL << KM_OWN_BIT(letter, length))
#define KM_OWN_NAMES \
  (KM_OWN('t', 2) | KM_OWN('h', 4) | KM_OWN('e', 6) | KM_OWN('u', 7) | KM_OWN('t', 7) | KM_OWN('c', 10) | KM_OWN('k', 10) | KM_OWN('c', 12) | KM_OWN('c', 14) | \
   KM_OWN('h', 14) | KM_OWN('p', 16) | KM_OWN('t', 17))

static __always_inline int km_may_be_own(__u64 first, __u32 length)
{
  return KM_OWN_NAMES >> (((first & 31) + length * 11) & 63) & 1;
}

#define KM_LINE_PLAIN 0
#define KM_LINE_HOST 1
#define KM_LINE_CONTENT_LENGTH 2
#define KM_LINE_CONNECTION 3
#define KM_LINE_CONTENT_TYPE 4
#define KM_LINE_REFUSED 5
#define KM_LINE_CODING 6

static __always_inline __u32 km_line_kind(__u64 first, __u64 second, __u32 length)
{
  switch (length) {
  case 2:
    return (first & 0xffff) == KM_WORD4('t', 'e', 0, 0) ? KM_LINE_REFUSED : KM_LINE_PLAIN;
  case 4:
    return (__u32)first == KM_WORD4('h', 'o', 's', 't') ? KM_LINE_HOST : KM_LINE_PLAIN;
  case 6:
    return (first & 0xffffffffffffULL) == KM_WORD8('e', 'x', 'p', 'e', 'c', 't', 0, 0) ? KM_LINE_REFUSED : KM_LINE_PLAIN;
  case 7:
    first &= 0xffffffffffffffULL;
    return first == KM_WORD8('u', 'p', 'g', 'r', 'a', 'd', 'e', 0) || first == KM_WORD8('t', 'r', 'a', 'i', 'l', 'e', 'r', 0) ? KM_LINE_REFUSED : KM_LINE_PLAIN;
  case 10:
    second &= 0xffff;
    if (first == KM_WORD8('c', 'o', 'n', 'n', 'e', 'c', 't', 'i') && second == KM_WORD4('o', 'n', 0, 0))
      return KM_LINE_CONNECTION;
    return first == KM_WORD8('k', 'e', 'e', 'p', '-', 'a', 'l', 'i') && second == KM_WORD4('v', 'e', 0, 0) ? KM_LINE_REFUSED : KM_LINE_PLAIN;
  case 12:
    return first == KM_WORD8('c', 'o', 'n', 't', 'e', 'n', 't', '-') && (__u32)second == KM_WORD4('t', 'y', 'p', 'e') ? KM_LINE_CONTENT_TYPE : KM_LINE_PLAIN;
  case 14:
    second &= 0xffffffffffffULL;
    if (first == KM_WORD8('c', 'o', 'n', 't', 'e', 'n', 't', '-') && second == KM_WORD8('l', 'e', 'n', 'g', 't', 'h', 0, 0))
      return KM_LINE_CONTENT_LENGTH;
    return first == KM_WORD8('h', 't', 't', 'p', '2', '-', 's', 'e') && second == KM_WORD8('t', 't', 'i', 'n', 'g', 's', 0, 0) ? KM_LINE_REFUSED : KM_LINE_PLAIN;
  case 16:
    return first == KM_WORD8('p', 'r', 'o', 'x', 'y', '-', 'c', 'o') && second == KM_WORD8('n', 'n', 'e', 'c', 't', 'i', 'o', 'n') ? KM_LINE_REFUSED : KM_LINE_PLAIN;
  case 17:
    return first == KM_WORD8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r') && second == KM_WORD8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n') ? KM_LINE_CODING : KM_LINE_PLAIN;
  default:
    return KM_LINE_PLAIN;
  }
}

/* Up to eight digits as a number; KM_NO_NUMBER: there is something else among them. `length` is not 0. */
#define KM_NO_NUMBER 0xffffffffffffffffULL
static __always_inline __u64 km_eight_digits(__u64 word, __u32 length)
{
  __u32 bits = length * KM_BYTE_BITS;
  __u64 digits = length >= KM_WORD_BYTES ? word : word << (KM_WORD_BYTES * KM_BYTE_BITS - bits) | (KM_ONES * '0' >> bits);
  __u64 low = digits & KM_LOWS;
  __u64 between = (low + KM_ONES * (0x80 - '0')) & ~(low + KM_ONES * (0x80 - '9' - 1)) & ~digits & KM_HIGHS;
  if (between != KM_HIGHS)
    return KM_NO_NUMBER;
  digits = (digits & KM_ONES * 0x0f) * 2561 >> 8;
  digits = (digits & 0x00ff00ff00ff00ffULL) * 6553601 >> 16;
  return (digits & 0x0000ffff0000ffffULL) * 42949672960001ULL >> 32;
}

/* A value that is a number of up to 16 digits, or KM_NO_NUMBER. */
#define KM_DIGITS_MAX 16
#define KM_EIGHT_DIGITS 100000000ULL
static __always_inline __u64 km_number(const struct km_request *request, __u32 value, __u32 length)
{
  if (!length || length > KM_DIGITS_MAX)
    return KM_NO_NUMBER;
  if (length <= KM_WORD_BYTES)
    return km_eight_digits(km_word(request, value), length);
  __u32 more = length - KM_WORD_BYTES;
  __u64 high = km_eight_digits(km_word(request, value), more);
  __u64 low = km_eight_digits(km_word(request, value + more), KM_WORD_BYTES);
  return high == KM_NO_NUMBER || low == KM_NO_NUMBER ? KM_NO_NUMBER : high * KM_EIGHT_DIGITS + low;
}
