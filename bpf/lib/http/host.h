/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The virtual host of a request. In: its Host and the service. Out: row of the virtual host, KM_NOT_FOUND, or KM_UNSURE with the reason.
 * Exact domains first, then the longest suffix, then the longest prefix, then "*" (compiler/http/virtual-hosts.ts is the meaning).
 */
#pragma once
#include "interest.h"

/* Highest bit of a mask of bytes -> number of that byte. */
static __always_inline __u32 km_last_byte(__u64 mask)
{
  __u32 byte = 0;
  if (mask >> 32) {
    byte = 4;
    mask >>= 32;
  }
  if (mask >> 16) {
    byte += 2;
    mask >>= 16;
  }
  return byte + (mask >> 8 != 0);
}

static __always_inline __u32 km_unsure(struct km_request *request, __u32 reason)
{
  request->reason = reason;
  return KM_UNSURE;
}

/* The length of the host without its port where ports take no part, or KM_UNSURE. The last colon counts, unless a bracket follows. */
static __noinline __u32 km_host_length(struct km_request *request, __u32 flags)
{
  __u32 length = request->host_length;
  if (!length)
    return 0;
  __u32 base = length > KM_WORD_BYTES ? length - KM_WORD_BYTES : 0;
  __u64 word = km_keep(km_word(request, request->host + base), length);
  __u64 colons = km_bytes_equal(word, ':');
  __u64 brackets = km_bytes_equal(word, ']');
  __u32 last = km_byte(request, request->host + length - 1);
  if (flags & (KM_SERVICE_STRIP_PORT | KM_SERVICE_STRIP_DOT)) {
    if (last == '.' || colons)
      return KM_UNSURE;
    km_hash_span(request, request->host, length, 0);
    if (request->work.marks)
      return KM_UNSURE;
    return length;
  }
  if (!(flags & KM_SERVICE_IGNORE_PORT))
    return length;
  if (colons > brackets)
    return base + km_last_byte(colons);
  if (base && !colons && !brackets) {
    /* No port of less than eight characters: any colon is an odd one. */
    km_hash_span(request, request->host, length, 0);
    if (request->work.marks)
      return KM_UNSURE;
  }
  return length;
}

static __noinline __u32 km_wildcard_host(struct km_request *request, __u32 length)
{
  const struct km_wildcards *wildcards = km_http_row(request, request->service + 1);
  if (!wildcards)
    return KM_UNSURE;
  for (int i = 0; i < KM_WILDCARD_LENGTHS; i++) {
    __u32 suffix = wildcards->suffix[i];
    if (!suffix)
      break;
    if (suffix >= length)
      continue;
    __u32 found = km_find_folded(request, KM_NAME_DOMAIN_SUFFIX, request->host + length - suffix, suffix);
    if (found)
      return found;
  }
  for (int i = 0; i < KM_WILDCARD_LENGTHS; i++) {
    __u32 prefix = wildcards->prefix[i];
    if (!prefix)
      break;
    if (prefix >= length)
      continue;
    __u32 found = km_find_folded(request, KM_NAME_DOMAIN_PREFIX, request->host, prefix);
    if (found)
      return found;
  }
  return KM_NOT_FOUND;
}

#define KM_SERVICE_PORTS (KM_SERVICE_IGNORE_PORT | KM_SERVICE_STRIP_PORT | KM_SERVICE_STRIP_DOT)

static __always_inline __u32 km_find_host(struct km_request *request, const struct km_service *service)
{
  if (request->host == KM_NOWHERE)
    return km_unsure(request, KM_SLOW_HOST);
  struct km_work *work = &request->work;
  if (!KM_WITH_PORTS && service->flags & KM_SERVICE_PORTS)
    return km_unsure(request, KM_SLOW_HOST);
  work->length = KM_WITH_PORTS && service->flags & KM_SERVICE_PORTS ? km_host_length(request, service->flags) : request->host_length;
  if (work->length >= KM_HASH_WORDS * KM_WORD_BYTES)
    return km_unsure(request, KM_SLOW_HOST);
  __u32 found = km_find_folded(request, KM_NAME_DOMAIN, request->host, work->length);
  if (!found && service->flags & (KM_SERVICE_WILDCARDS_SLOW | (KM_WITH_WILDCARDS ? 0 : KM_SERVICE_WILDCARDS)))
    return km_unsure(request, KM_SLOW_HOST);
  if (KM_WITH_WILDCARDS && !found && service->flags & KM_SERVICE_WILDCARDS)
    found = km_wildcard_host(request, work->length);
  if (found == KM_UNSURE)
    return km_unsure(request, KM_SLOW_TABLE);
  return found ? found - 1 : service->any;
}
