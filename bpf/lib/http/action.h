/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is done with a request. In: a request whose km_action row is known (route.h). Out: KM_HTTP_FORWARD with cluster, target, hash and timeout;
 * KM_HTTP_REPLY with the whole reply in `out`; or KM_HTTP_SLOW with the reason.
 *
 *   km_act            guards, then the action
 *   km_compose        of a forward: the head that is sent instead, in `out`, where the route changes it (out_length 0: it does not)
 *   km_reply_no_endpoint  of a forward whose cluster has no endpoint to choose: 503
 *
 * Invariant: the cluster is chosen before the guards, since filters may be configured by weighted cluster; what a row cannot say never goes on.
 */
#pragma once
#include "compose.h"
#include "guard.h"
#include "weighted.h"

#define KM_TIMEOUT_UNIT 100 /* milliseconds */

static __always_inline int km_act_slow(struct km_request *request, __u32 reason)
{
  request->out_length = 0;
  request->reason = reason;
  return KM_HTTP_SLOW;
}

/* The reply of an action, whatever its guards say. */
__noinline int km_reply(struct km_request *given, __u32 row)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_HTTP_SLOW;
  const struct km_action *action = km_http_row(request, row);
  if (!action)
    return km_act_slow(request, KM_SLOW_TABLE);
  if (action->kind != KM_ACTION_REPLY)
    return km_act_slow(request, action->kind == KM_ACTION_SLOW ? action->reason : KM_SLOW_TABLE);
  /* All are read before two are chosen (km_target_end). */
  __u32 first = action->first;
  __u32 count = action->count;
  __u32 grpc = action->grpc;
  __u32 grpc_count = action->grpc_count;
  barrier_var(first);
  barrier_var(count);
  barrier_var(grpc);
  barrier_var(grpc_count);
  int is_grpc = request->flags & KM_HEAD_GRPC;
  /* HEAD and gRPC do not go together. */
  if (is_grpc && request->flags & KM_HEAD_IS_HEAD)
    return km_act_slow(request, KM_SLOW_ROUTE);
  int failed = km_compose_rows(request, is_grpc ? grpc : first, is_grpc ? grpc_count : count);
  return failed ? km_act_slow(request, failed - 1) : KM_HTTP_REPLY;
}

/* Guards of a reply or of a target. */
static __always_inline int km_pass_guards(struct km_request *request, __u32 first)
{
  int verdict = km_guards(request, first);
  return verdict == KM_HTTP_REPLY ? km_reply(request, request->acting.reply) : verdict;
}

/* The cluster of the target; KM_HTTP_FORWARD, or what there is instead. */
static __always_inline int km_forward_to(struct km_request *request, const struct km_target *target)
{
  __u32 cluster = target->cluster;
  if (target->kind == KM_TARGET_HEADER)
    cluster = km_cluster_named(request, target->slot);
  if (cluster == KM_NO_CLUSTER)
    return km_reply(request, target->missing);
  if (cluster == KM_CLUSTER_UNSURE)
    return km_act_slow(request, KM_SLOW_TABLE);
  request->cluster = cluster;
  return KM_HTTP_FORWARD;
}

static __always_inline int km_act_forward(struct km_request *request, const struct km_action *action)
{
  if (action->hashes) {
    int failed = km_hash_request(request, action->hash, action->hashes);
    if (failed)
      return km_act_slow(request, failed - 1);
  }
  __u32 row = km_choose_target(request, action);
  const struct km_target *target = row ? km_http_row(request, row) : NULL;
  if (!target)
    return km_act_slow(request, KM_SLOW_TABLE);
  request->target = row;
  request->edits = target->pieces;
  request->edit_rows = target->edits;
  request->timeout = action->timeout * KM_TIMEOUT_UNIT;
  if (action->flags & KM_ACTION_KEEPS) {
    request->keep = action->grpc;
    /* Before any guard has drawn or taken something: user space does all of that again. */
    if (request->way.total > KM_KEPT_MAX)
      return km_act_slow(request, KM_SLOW_BODY_SIZE);
  }
  int verdict = km_pass_guards(request, target->guard);
  if (verdict != KM_GUARD_PASSES)
    return verdict;
  if (target->kind == KM_TARGET_SLOW)
    return km_act_slow(request, target->reason);
  return km_forward_to(request, target);
}

/* Within the program itself: conditions of guards take all the frames that the kernel allows below it. */
static __always_inline int km_act(struct km_request *request)
{
  request->out_length = 0;
  request->target = 0;
  request->hash_flags = 0;
  request->timeout = 0;
  request->keep = 0;
  const struct km_action *action = km_http_row(request, request->action);
  if (!action)
    return km_act_slow(request, KM_SLOW_TABLE);
  if (action->flags & KM_ACTION_NO_GRPC && request->flags & KM_HEAD_GRPC)
    return km_act_slow(request, KM_SLOW_ROUTE);
  switch (action->kind) {
  case KM_ACTION_FORWARD:
    return km_act_forward(request, action);
  case KM_ACTION_REPLY: {
    int verdict = km_pass_guards(request, action->guard);
    return verdict == KM_GUARD_PASSES ? km_reply(request, request->action) : verdict;
  }
  case KM_ACTION_SLOW:
    return km_act_slow(request, action->reason);
  default:
    return km_act_slow(request, KM_SLOW_TABLE);
  }
}

/* After km_act said KM_HTTP_FORWARD: the new head. KM_HTTP_FORWARD, or KM_HTTP_SLOW with the reason. */
__noinline int km_compose(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_HTTP_SLOW;
  request->out_length = 0;
  const struct km_target *target = km_http_row(request, request->target);
  if (!request->target || !target)
    return km_act_slow(request, KM_SLOW_TABLE);
  if (!target->count && !(request->flags & KM_HEAD_CLOSE))
    return KM_HTTP_FORWARD;
  int failed = !target->count ? km_compose_without_close(request) : km_compose_rows(request, target->pieces + target->edits, target->count);
  return failed ? km_act_slow(request, failed - 1) : KM_HTTP_FORWARD;
}

/* After km_act said KM_HTTP_FORWARD, where no endpoint may be chosen. KM_HTTP_REPLY, or KM_HTTP_SLOW with the reason. */
static __always_inline int km_reply_no_endpoint(struct km_request *request)
{
  const struct km_target *target = km_http_row(request, request->target);
  return target ? km_reply(request, target->unavailable) : km_act_slow(request, KM_SLOW_TABLE);
}
