/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The route of a request. In: a request that head.h filled, with the row of its service and a random number. Out: its action, or the reason why user space has to
 * find it. Time does not depend on the number of routes: only those that the path leaves over are asked, in first-match order.
 */
#pragma once
#include "condition.h"
#include "host.h"
#include "path.h"

#define KM_CANDIDATES_IN_ROW 4
#define KM_SERVICE_ODD_PATHS (KM_SERVICE_NORMALIZE | KM_SERVICE_MERGE_SLASHES | KM_SERVICE_IGNORE_PARAMETERS)
/* request->action says what to do. */
#define KM_HTTP_ROUTED 0
/* Rows from that of a service to the condition of its checked header. */
#define KM_SERVICE_CHECK 2

static __always_inline int km_go_slow(struct km_request *request, __u32 reason)
{
  request->reason = reason;
  return KM_HTTP_SLOW;
}

/* As km_judge: most graphs are one question, and a loop costs as much as two. It takes more of the stack. */
__noinline __u32 km_judge_soon(struct km_request *given, __u32 row)
{
  struct km_request *request = km_scratch_of(given);
  return request ? km_judge_graph(request, row, 1) : KM_CONDITION_SLOW;
}

/* One row of candidates: KM_NEXT when none of them takes the request and the list goes on. work.condition is the answer of the last one, request->route it. */
static __always_inline long km_candidate_row(struct km_request *request)
{
  struct km_work *work = &request->work;
  const struct km_candidates *list = km_http_row(request, work->list);
  if (!list) {
    work->condition = KM_CONDITION_SLOW;
    return KM_STOP;
  }
  work->list++;
  for (int i = 0; i < KM_CANDIDATES_IN_ROW; i++) {
    __u32 route = list->route[i];
    __u32 condition = list->condition[i];
    if (!route) {
      work->condition = KM_CONDITION_NO;
      return KM_STOP;
    }
    request->route = route;
    __u32 answer = condition == KM_CONDITION_YES ? KM_CONDITION_YES : km_judge_soon(request, condition);
    if (answer != KM_CONDITION_NO) {
      work->condition = answer;
      return KM_STOP;
    }
  }
  return KM_NEXT;
}

static long km_candidate_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  return request ? km_candidate_row(request) : KM_STOP;
}

/* The first candidate that takes the request: KM_CONDITION_YES with request->route, _NO, or _SLOW. */
static __always_inline __u32 km_first_candidate(struct km_request *request, __u32 list)
{
  if (list & KM_LIST_ROUTE) {
    request->route = list & ~KM_LIST_ROUTE;
    return KM_CONDITION_YES;
  }
  struct km_work *work = &request->work;
  work->list = list;
  work->condition = KM_CONDITION_SLOW;
  if (km_candidate_row(request) == KM_NEXT) {
    __u32 slot = request->slot;
    bpf_loop(KM_ROUTE_STEPS, km_candidate_step, &slot, 0);
  }
  return work->condition;
}

/* Where no route takes it. */
static __always_inline int km_no_route(struct km_request *request, __u32 action, __u32 state)
{
  request->route = 0;
  request->action = action;
  request->state = state;
  return action ? KM_HTTP_ROUTED : km_go_slow(request, KM_SLOW_ROUTE);
}

/* Within a virtual host. */
static __always_inline int km_route_within(struct km_request *request, __u32 host)
{
  const struct km_virtual_host *virtual_host = km_http_row(request, host);
  if (!virtual_host)
    return km_go_slow(request, KM_SLOW_TABLE);
  if (virtual_host->flags & KM_VIRTUAL_HOST_SLOW)
    return km_go_slow(request, KM_SLOW_ROUTE);
  if (virtual_host->tls) {
    __u32 tls = km_judge_soon(request, virtual_host->tls);
    if (tls == KM_CONDITION_SLOW)
      return km_go_slow(request, KM_SLOW_CONDITION);
    if (tls == KM_CONDITION_YES)
      return km_no_route(request, virtual_host->tls_action, virtual_host->state);
  }
  __u32 list = km_find_path(request, virtual_host, host);
  if (list == KM_UNSURE)
    return km_go_slow(request, KM_SLOW_TABLE);
  __u32 found = list ? km_first_candidate(request, list) : KM_CONDITION_NO;
  if (found == KM_CONDITION_NO)
    return km_no_route(request, virtual_host->nowhere, virtual_host->state);
  if (found == KM_CONDITION_SLOW)
    return km_go_slow(request, request->work.left ? KM_SLOW_CONDITION : KM_SLOW_STEPS);
  const struct km_route *route = km_http_row(request, request->route);
  if (!route)
    return km_go_slow(request, KM_SLOW_TABLE);
  request->state = route->state;
  request->action = route->action;
  return route->flags & KM_ROUTE_SLOW ? km_go_slow(request, KM_SLOW_ROUTE) : KM_HTTP_ROUTED;
}

/*
 * KM_HTTP_ROUTED, or KM_HTTP_SLOW with the reason. request->route is the route, 0 where none took it; request->state counts it.
 */
__noinline int km_route(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_HTTP_SLOW;
  request->route = 0;
  request->action = 0;
  request->state = 0;
  request->work.left = KM_ROUTE_STEPS;
  const struct km_service *service = km_service_of(request);
  if (!service)
    return km_go_slow(request, KM_SLOW_TABLE);
  __u32 flags = service->flags;
  __u32 nowhere = service->nowhere;
  if (flags & KM_SERVICE_SLOW)
    return km_go_slow(request, KM_SLOW_ROUTE);
  if (request->seen & service->barred)
    return km_go_slow(request, KM_SLOW_SPECIAL_HEADER);
  if (request->again) {
    const struct km_service_headers *headers = km_http_row(request, request->service + KM_SERVICE_HEADERS);
    if (!headers || request->again & headers->single)
      return km_go_slow(request, KM_SLOW_REPEATED_HEADER);
  }
  __u32 proto = service->proto - 1;
  if (proto < KM_INTEREST_MAX && request->seen >> proto & 1) {
    barrier_var(proto);
    if (!request->found[proto & (KM_INTEREST_MAX - 1)].length)
      return km_go_slow(request, KM_SLOW_SPECIAL_HEADER);
  }
  __u32 checked = service->checked - 1;
  if (checked < KM_INTEREST_MAX && request->seen >> checked & 1 &&
      km_judge_soon(request, request->service + KM_SERVICE_CHECK) != KM_CONDITION_YES)
    return km_go_slow(request, KM_SLOW_SPECIAL_HEADER);
  if (flags & KM_SERVICE_ODD_PATHS && (!KM_WITH_ODD_PATHS || km_path_is_odd(request, flags)))
    return km_go_slow(request, KM_SLOW_PATH);
  __u32 host = km_find_host(request, service);
  if (host == KM_UNSURE)
    return KM_HTTP_SLOW;
  return host ? km_route_within(request, host) : km_no_route(request, nowhere, 0);
}
