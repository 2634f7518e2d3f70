/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The head of a response. In: its lines, from scan.h. Out: its status and how long its body is, in request->scan; or KM_SCAN_SLOW: user space parses it.
 * As with requests, what can be understood in two ways is not understood here: interim responses, upgrades, both Content-Length and Transfer-Encoding, either of
 * them twice, codings other than chunked, a connection that the server ends of its own accord.
 */
#pragma once
#include "edit.h"
#include "header-line.h"
#include "interest.h"

#define KM_UPGRADE_BYTES 7
#define KM_STATUS_LINE_MIN 12
#define KM_STATUS_FINAL 200
#define KM_STATUS_NO_CONTENT 204
#define KM_STATUS_NOT_MODIFIED 304

__noinline int km_first_line(struct km_request *given, __u32 end)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_SCAN_SLOW;
  if (end < KM_STATUS_LINE_MIN || km_word(request, 0) != KM_VERSION11 || km_byte(request, KM_VERSION_BYTES) != ' ')
    return km_scan_slow(request, KM_SLOW_VERSION);
  __u32 status = 0;
#pragma unroll
  for (int i = 0; i < KM_STATUS_DIGITS; i++) {
    __u32 digit = km_byte(request, KM_STATUS_AT + i) - '0';
    if (digit > 9)
      return km_scan_slow(request, KM_SLOW_SYNTAX);
    status = status * 10 + digit;
  }
  if (end > KM_STATUS_LINE_MIN && km_byte(request, KM_STATUS_LINE_MIN) != ' ')
    return km_scan_slow(request, KM_SLOW_SYNTAX);
  request->scan.status = status;
  request->headers = end + KM_LINE_END_BYTES;
  return status < KM_STATUS_FINAL ? km_scan_slow(request, KM_SLOW_HOP) : 0;
}

static __always_inline int km_response_length(struct km_request *request, __u32 value, __u32 length)
{
  __u64 number = km_number(request, value, length);
  if (request->scan.lengths_set || number == KM_NO_NUMBER)
    return km_scan_slow(request, KM_SLOW_AMBIGUOUS);
  request->scan.lengths_set = 1;
  request->scan.length = number;
  return 0;
}

static __always_inline int km_response_coding(struct km_request *request, __u32 value, __u32 length)
{
  if (request->scan.chunked || length != 7 || (km_lower(km_word(request, value)) & 0xffffffffffffffULL) != KM_WORD8('c', 'h', 'u', 'n', 'k', 'e', 'd', 0))
    return km_scan_slow(request, KM_SLOW_CHUNKED);
  request->scan.chunked = 1;
  return 0;
}

__noinline int km_special_line(struct km_request *given, __u32 line, __u32 end, __u32 name)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_SCAN_SLOW;
  __u64 first = km_word(request, line) | KM_CASE;
  __u64 second = km_word(request, line + KM_WORD_BYTES) | KM_CASE;
  __u32 kind = km_line_kind(first, second, name);
  /* Of the others, Upgrade alone changes what follows; Keep-Alive is harmless. */
  if (kind == KM_LINE_REFUSED)
    return name == KM_UPGRADE_BYTES && (first & 0xff) == 'u' ? km_scan_slow(request, KM_SLOW_HOP) : 0;
  if (kind != KM_LINE_CONTENT_LENGTH && kind != KM_LINE_CONNECTION && kind != KM_LINE_CODING)
    return request->edit ? km_note_edited(request, line, end, name) : 0;
  __u32 trimmed = km_trim(request, line + name + 1, end);
  if (trimmed == KM_NONE_OF_IT)
    return km_scan_slow(request, KM_SLOW_SYNTAX);
  __u32 value = trimmed >> 16;
  __u32 length = trimmed & 0xffff;
  if (kind == KM_LINE_CONTENT_LENGTH)
    return km_response_length(request, value, length);
  if (kind == KM_LINE_CONNECTION)
    return km_take_connection(request, value, length);
  return km_response_coding(request, value, length);
}

static __always_inline int km_may_matter(const struct km_head_scan *scan, __u64 first, __u32 length)
{
  return km_may_be_own(first, length) || km_may_interest(scan->letters, scan->lengths, first, length);
}

static __always_inline void km_begin_response(struct km_request *request)
{
  km_begin_scan(request);
  request->flags = 0;
  request->edit = 0;
}
