/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Headers that a service asks for. In: the name of a header line. Out: its slot, where the parser notes the line.
 * Most lines are told by the first letter and the length of their names; only the others are looked up.
 */
#pragma once
#include "name.h"

#define KM_LETTER_MASK 31
#define KM_LENGTH_BITS 63

/* The row of the service; NULL: it is missing. */
static __always_inline const struct km_service *km_service_of(struct km_request *request)
{
  return km_http_row(request, request->service);
}

/* 1: a name that begins with `first` and has this length may be of interest. `letters` and `lengths` are those of km_service. */
static __always_inline int km_may_interest(__u32 letters, __u64 lengths, __u32 first, __u32 length)
{
  __u32 bit = length > KM_LENGTH_BITS ? KM_LENGTH_BITS : length;
  return letters >> (first & KM_LETTER_MASK) & lengths >> bit & 1;
}

/* Rows from that of a service to its km_service_headers. */
#define KM_SERVICE_HEADERS 3
#define KM_NAMES_SHIFT 3
#define KM_NAME_SLOT_MASK ((1 << KM_NAME_LENGTH_SHIFT) - 1)
#define KM_NAME_LENGTH_MASK ((1 << (KM_NAME_ROW_SHIFT - KM_NAME_LENGTH_SHIFT)) - 1)

/* Where a name is in the table of a service, if it is; proto/http/name-table.ts says how. */
static __always_inline __u32 km_name_bucket(const struct km_request *request, __u32 at, __u32 length, const struct km_service_headers *headers)
{
  __u64 first = km_keep(km_word(request, at) | KM_CASE, length);
  __u64 last = km_word(request, at + length - KM_WORD_BYTES) | KM_CASE;
  last &= ~km_if_negative((__s64)(__u64)length - KM_WORD_BYTES);
  return ((first ^ (last << 32 | last >> 32)) + length) * headers->factor >> (headers->shift & 63);
}

/* Whether a name is that of a row of km_http, up to 32 bytes, of equal length. */
static __always_inline int km_is_name(const struct km_request *request, __u32 at, __u32 length, const __u64 *row)
{
  const __u64 *words = km_words(request, at);
  __u64 differ = 0;
#pragma unroll
  for (int i = 0; i < KM_ROW_WORDS; i++)
    differ |= km_keep_some((words[i] | KM_CASE) ^ (row[i] | KM_CASE), (__s64)(__u64)length - i * KM_WORD_BYTES);
  return !differ;
}

/* Its slot plus one; KM_NOT_FOUND: of no interest; KM_UNSURE: user space has to look. `request` has epoch, service, slot and head. */
static __always_inline __u32 km_interest(struct km_request *request, __u32 at, __u32 length)
{
  const struct km_service_headers *headers = km_http_row(request, request->service + KM_SERVICE_HEADERS);
  if (!headers)
    return KM_UNSURE;
  if (!headers->names)
    return km_find_folded(request, KM_NAME_HEADER, at, length);
  __u32 bucket = km_name_bucket(request, at, length, headers);
  const struct km_names *names = km_http_row(request, headers->names + (bucket >> KM_NAMES_SHIFT));
  if (!names)
    return KM_UNSURE;
  __u32 name = names->name[bucket & (KM_NAMES_IN_ROW - 1)];
  if ((name >> KM_NAME_LENGTH_SHIFT & KM_NAME_LENGTH_MASK) != length || !length)
    return KM_NOT_FOUND;
  const __u64 *row = km_http_row(request, name >> KM_NAME_ROW_SHIFT);
  if (!row)
    return KM_UNSURE;
  return km_is_name(request, at, length, row) ? name & KM_NAME_SLOT_MASK : KM_NOT_FOUND;
}
