/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hash of a request under the hash policies of its route. In: rows of km_hash. Out: `hash` and `hash_flags` of the request; no hash where no policy finds
 * anything to hash. compiler/http/route-hash.ts is the meaning. Source: Envoy's http/hash_policy.cc.
 */
#pragma once
#include "compose.h"
#include "cookie.h"
#include "query.h"
#include "xx-hash.h"

#define KM_REQUEST_HASHED 1
#define KM_HASH_FOUND 0
#define KM_HASH_NOTHING 1
#define KM_HASH_SLOW 2

/* Of the address without port, as text. */
static __noinline __u64 km_hash_source(struct km_request *request)
{
  struct km_text text = {};
  km_write_address_text(&text, (const union km_address *)request->source);
  return km_hash_text(&text);
}

/* Where there is something to hash: KM_HASH_FOUND with acting.lanes[0]. */
__noinline int km_hash_by(struct km_request *given, __u32 row)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_HASH_SLOW;
  const struct km_hash *policy = km_http_row(request, row);
  if (!policy)
    return KM_HASH_SLOW;
  struct km_work *work = &request->work;
  switch (policy->kind) {
  case KM_HASH_HEADER: {
    if (!km_has_header(request, policy->slot))
      return KM_HASH_NOTHING;
    const struct km_found *found = km_found_of(request, policy->slot);
    work->at = found->value;
    work->length = found->length;
    break;
  }
  case KM_HASH_COOKIE:
    if (!km_find_cookie(request, policy->slot, policy->name, policy->length))
      return policy->flags & KM_HASH_MAKES ? KM_HASH_SLOW : KM_HASH_NOTHING;
    break;
  case KM_HASH_QUERY:
    if (!km_find_query(request, policy->name, policy->length))
      return KM_HASH_NOTHING;
    break;
  case KM_HASH_SOURCE: {
    const union km_address *source = (const union km_address *)request->source;
    if (km_has_header(request, policy->slot) || (!source->halves[0] && !source->halves[1]))
      return KM_HASH_SLOW;
    request->acting.lanes[0] = km_hash_source(request);
    return KM_HASH_FOUND;
  }
  default:
    return KM_HASH_SLOW;
  }
  request->acting.lanes[0] = km_xx_span(request, work->at, work->length);
  return KM_HASH_FOUND;
}

/* One policy; a later hash goes into the rotated one before. KM_HASH_FOUND ends it: nothing behind counts. Global: verified once. */
__noinline int km_hash_policy(struct km_request *given, __u32 row)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_HASH_SLOW;
  const struct km_hash *policy = km_http_row(request, row);
  if (!policy)
    return KM_HASH_SLOW;
  int result = km_hash_by(request, row);
  if (result == KM_HASH_SLOW)
    return KM_HASH_SLOW;
  if (result == KM_HASH_FOUND) {
    request->hash = km_rotate(request->hash, 1) ^ request->acting.lanes[0];
    request->hash_flags = KM_REQUEST_HASHED;
  }
  return policy->flags & KM_HASH_TERMINAL && request->hash_flags ? KM_HASH_FOUND : KM_HASH_NOTHING;
}

/* 0, or KM_SLOW_* + 1. */
static __always_inline int km_hash_request(struct km_request *request, __u32 first, __u32 count)
{
  request->hash_flags = 0;
  request->hash = 0;
  int result = KM_HASH_NOTHING;
#pragma unroll
  for (__u32 i = 0; i < KM_HASHES_MAX; i++)
    if (i < count && result == KM_HASH_NOTHING)
      result = km_hash_policy(request, first + i);
  return result == KM_HASH_SLOW ? KM_SLOW_ROUTE + 1 : 0;
}
