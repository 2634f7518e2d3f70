/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests that may be tried again (proto/http/keeping.ts). In: a request that has claimed its upstream, whole in its message. Out: a row of km_kept that has it as it came.
 */
#pragma once
#include "kept-row.h"
#include "message-bytes.h"
#include "name.h"
#include "own-row.h"

/* A row for the upstream, as its number + 1; 0: all that it may have are taken. */
static __noinline __u32 km_take_kept(__u64 upstream)
{
#pragma unroll
  for (int i = 0; i < KM_KEPT_PROBES; i++) {
    __u32 row = upstream + i & (KM_KEPTS - 1);
    struct km_kept *kept = bpf_map_lookup_elem(&km_kept, &row);
    if (!kept)
      return 0;
    if (km_take_row(&kept->taken, upstream))
      return row + 1;
  }
  return 0;
}

/* The body behind the head, in `head`, where the parser has put zeros; the new head has been composed. 0, or an error. */
static __always_inline int km_copy_body(struct sk_msg_md *msg, struct km_request *request)
{
  __u32 size = msg->size;
  __u32 total = request->way.total;
  if (km_copy_first(msg, request, size < KM_FIRST_BYTES ? size : KM_FIRST_BYTES))
    return -1;
  if (total > KM_FIRST_BYTES && km_copy_rest(msg, request, total))
    return -1;
  return size == total && size % KM_WORD_BYTES ? km_copy_last(msg, request) : 0;
}

/* The bytes of the request, and which statuses are tried again. 0: they cannot be kept. Global: verified once. */
__noinline int km_keep_bytes(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  struct km_kept *kept = request ? km_kept_at(request->kept) : NULL;
  if (!kept)
    return 0;
  struct bpf_dynptr head;
  __u32 total = request->way.total;
  if (total > KM_KEPT_MAX)
    return 0;
  kept->random = request->random;
  kept->started = bpf_ktime_get_ns();
  kept->length = total;
  kept->port = request->way.port;
  km_copy_address(kept->address, request->way.address);
  bpf_dynptr_from_mem(request->head, sizeof(request->head), 0, &head);
  if (bpf_dynptr_read(kept->bytes, total & KM_KEPT_MAX, &head, 0, 0))
    return 0;
  const struct km_retried *retried = km_http_row(request, request->keep);
  kept = km_kept_at(request->kept);
  if (!retried || !kept)
    return 0;
#pragma unroll
  for (int i = 0; i < KM_RETRIED_WORDS; i++)
    kept->statuses[i] = retried->statuses[i];
  return 1;
}

/* 0: it cannot be taken along. */
static __always_inline int km_keep_request(struct sk_msg_md *msg, struct km_request *request)
{
  if (request->body_length && km_copy_body(msg, request))
    return 0;
  request->kept = km_take_kept(request->way.upstream);
  return request->kept && km_keep_bytes(request);
}
