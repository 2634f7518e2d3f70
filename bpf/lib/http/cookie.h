/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cookies. In: a span of the head, the value of Cookie, and a name. Out: where the value of the first cookie of that name is, without quotes; an empty one is
 * none (compiler/http/route-hash.ts is the meaning).
 */
#pragma once
#include "header.h"
#include "name.h"

#define KM_COOKIE_QUOTE '"'
#define KM_COOKIE_SEEKS 0
#define KM_COOKIE_VALUE 1
#define KM_COOKIE_ENDS 2

/* At `at`, behind blanks: does the name stand here, and an equals sign behind it? work.length bytes at work.scan_text. */
static __always_inline int km_cookie_is(struct km_request *request, __u32 at, __u32 end)
{
  struct km_work *work = &request->work;
  __u32 length = work->length;
  return length < end - at && km_byte(request, at + length) == '=' && km_same_text(request, at, length, work->scan_text, 0);
}

/* Each step skips a blank, looks at a name, or goes on by a word or to the next cookie. scan_word: 1 where a cookie may begin. */
static long km_cookie_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  struct km_work *work = &request->work;
  __u32 at = work->scan;
  __u32 end = work->scan_end;
  if (at >= end)
    return KM_STOP;
  if (work->scan_word) {
    __u32 byte = km_byte(request, at);
    if (byte == ' ' || byte == '\t') {
      work->scan = at + 1;
      return KM_NEXT;
    }
    work->scan_word = 0;
    if (km_cookie_is(request, at, end)) {
      work->scan_state = KM_COOKIE_VALUE;
      work->at = at + work->length + 1;
      work->scan = work->at;
      return KM_NEXT;
    }
  }
  __u64 ends = km_bytes_equal(km_keep(km_word(request, at), end - at), ';');
  if (!ends) {
    work->scan = at + KM_WORD_BYTES;
    return KM_NEXT;
  }
  at += km_first_byte(ends);
  if (work->scan_state == KM_COOKIE_VALUE) {
    work->scan_end = at;
    return KM_STOP;
  }
  work->scan = at + 1;
  work->scan_word = 1;
  return KM_NEXT;
}

/* 1: found, work.at and work.length are its value. The name is `length` bytes at `row`. */
__noinline int km_find_cookie(struct km_request *given, __u32 slot, __u32 row, __u32 length)
{
  struct km_request *request = km_scratch_of(given);
  if (!request || !km_has_header(request, slot))
    return 0;
  const struct km_found *found = km_found_of(request, slot);
  struct km_work *work = &request->work;
  work->scan = found->value;
  work->scan_end = found->value + found->length;
  work->scan_state = KM_COOKIE_SEEKS;
  work->scan_word = 1;
  work->scan_text = row;
  work->length = length;
  __u32 number = request->slot;
  bpf_loop(KM_HEAD_MAX, km_cookie_step, &number, 0);
  if (work->scan_state != KM_COOKIE_VALUE)
    return 0;
  __u32 at = work->at;
  __u32 bytes = work->scan_end - at;
  if (bytes > 1 && km_byte(request, at) == KM_COOKIE_QUOTE && km_byte(request, at + bytes - 1) == KM_COOKIE_QUOTE) {
    work->at = at + 1;
    bytes -= 2;
  }
  work->length = bytes;
  return bytes > 0;
}
