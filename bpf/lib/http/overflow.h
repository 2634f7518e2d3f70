/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reply to a request beyond the limits of its cluster, as Envoy gives it. In: a request. Out: the whole reply in `out`. The text is the same for every
 * cluster, but for the date.
 */
#pragma once
#include "scratch.h"
#include "socket-maps.h"

#define KM_OVERFLOW_HEAD                                                                                              \
  "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 81\r\ncontent-type: text/plain\r\nx-envoy-overloaded: true\r\n" \
  "server: envoy\r\ndate: "
#define KM_OVERFLOW_BODY "upstream connect error or disconnect/reset before headers. reset reason: overflow"
#define KM_DATE_BYTES 29
#define KM_OVERFLOW_DATE_AT (sizeof(KM_OVERFLOW_HEAD) - 1)
#define KM_OVERFLOW_END_AT (KM_OVERFLOW_DATE_AT + KM_DATE_BYTES)
#define KM_OVERFLOW_BODY_AT (KM_OVERFLOW_END_AT + 4)
#define KM_OVERFLOW_LENGTH (KM_OVERFLOW_BODY_AT + sizeof(KM_OVERFLOW_BODY) - 1)

/* KM_HTTP_REPLY, or KM_HTTP_SLOW with the reason. Global: within its caller it would take more of the stack than the kernel leaves for the deepest call there. */
__noinline int km_reply_overflow(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_HTTP_SLOW;
  __u32 zero = 0;
  const __u8 *date = bpf_map_lookup_elem(&km_clock, &zero);
  request->reason = KM_SLOW_ENDPOINT;
  if (!date || !*date || request->flags & KM_HEAD_GRPC)
    return KM_HTTP_SLOW;
  __builtin_memcpy(request->out, KM_OVERFLOW_HEAD, KM_OVERFLOW_DATE_AT);
  __builtin_memcpy(request->out + KM_OVERFLOW_DATE_AT, date, KM_DATE_BYTES);
  __builtin_memcpy(request->out + KM_OVERFLOW_END_AT, "\r\n\r\n", 4);
  __builtin_memcpy(request->out + KM_OVERFLOW_BODY_AT, KM_OVERFLOW_BODY, sizeof(KM_OVERFLOW_BODY) - 1);
  request->out_length = request->flags & KM_HEAD_IS_HEAD ? KM_OVERFLOW_BODY_AT : KM_OVERFLOW_LENGTH;
  return KM_HTTP_REPLY;
}
