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

/* Its slot plus one; KM_NOT_FOUND: of no interest; KM_UNSURE: user space has to look. `request` has epoch, service, slot and head. */
static __always_inline __u32 km_interest(struct km_request *request, __u32 at, __u32 length)
{
  return km_find_folded(request, KM_NAME_HEADER, at, length);
}
