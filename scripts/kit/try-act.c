// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests from user space through routing and acting, without a socket. In: as try-route.c, and in the context what the parser of heads would find besides. Out: what
 * becomes of the request; what is sent instead stands in `out` of the scratch of this CPU.
 */
#include "scripts/kit/try-route.c"
#include "lib/http/action.h"

#define KM_TRY_COMPOSE 0
#define KM_TRY_NO_ENDPOINT 1
#define KM_TRY_AGAIN 31

/* The context. */
struct km_acted {
  __u32 what; /* KM_TRY_* */
  __u32 repeat; /* more than 1: it is composed KM_TRY_AGAIN times more, for the time */
  __u32 flags;
  __u16 host_line;
  __u16 headers;
  __u16 source_port;
  __u16 asked_port;
  __u8 asked[16];
  /* out */
  __u32 cpu;
  __u32 verdict;
  __u32 route;
  __u32 cluster;
  __u32 reason;
  __u32 hash_flags;
  __u32 out_length;
  __u32 timeout;
  __u32 out; /* where it is in a row of km_scratch */
  __u64 hash;
  __u64 act_nanoseconds;
  __u64 compose_nanoseconds;
};

SEC("syscall")
int try_act(struct km_acted *acted)
{
  __u32 slot = KM_TRY_SLOT;
  struct km_try_input *input = bpf_map_lookup_elem(&km_try, &slot);
  struct km_request *request = km_scratch_at(&slot);
  if (!input || !request)
    return 1;
  acted->cpu = bpf_get_smp_processor_id();
  acted->verdict = KM_HTTP_SLOW;
  request->out_length = 0;
  request->cluster = 0;
  request->route = 0;
  request->flags = acted->flags;
  request->host_line = acted->host_line;
  request->headers = acted->headers;
  request->source_port = acted->source_port;
  request->asked_port = acted->asked_port;
  __builtin_memcpy(request->asked, acted->asked, sizeof(request->asked));
  if (!km_take_input(request, input)) {
    acted->reason = request->reason - 1;
    return 0;
  }
  int verdict = km_route(request);
  if (verdict == KM_HTTP_ROUTED) {
    __u64 begin = bpf_ktime_get_ns();
    verdict = km_act(request);
    acted->act_nanoseconds = bpf_ktime_get_ns() - begin;
  }
  if (verdict == KM_HTTP_FORWARD && acted->what == KM_TRY_NO_ENDPOINT)
    verdict = km_reply_no_endpoint(request);
  else if (verdict == KM_HTTP_FORWARD) {
    __u64 begin = bpf_ktime_get_ns();
    if (acted->repeat > 1) {
#pragma unroll
      for (int i = 0; i < KM_TRY_AGAIN; i++)
        km_compose(request);
    }
    verdict = km_compose(request);
    acted->compose_nanoseconds = bpf_ktime_get_ns() - begin;
  }
  acted->verdict = verdict;
  acted->route = request->route;
  acted->cluster = request->cluster;
  acted->reason = request->reason;
  acted->hash_flags = request->hash_flags;
  acted->hash = request->hash;
  acted->out_length = request->out_length;
  acted->timeout = request->timeout;
  acted->out = __builtin_offsetof(struct km_request, out);
  return 0;
}
