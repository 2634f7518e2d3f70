// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests of a generation, third: acted upon
 *
 * In: a routed request, or one for which there was no endpoint. Out: answered here, or with its new head to the program of its cluster's policy.
 */
#include "lib/http/decide.h"
#include "lib/http/action.h"
#include "lib/http/overflow.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int km_conclusion(struct km_request *request)
{
  if (request->way.failure)
    return request->way.failure == KM_REASON_OVERFLOW ? km_reply_overflow(request) : km_reply_no_endpoint(request);
  int acted = km_act(request);
  return acted == KM_HTTP_FORWARD ? km_compose(request) : acted;
}

SEC("sk_msg")
int km_http_act(struct sk_msg_md *msg)
{
  struct km_sending sending;
  return km_resume(msg, &sending) ? km_conclude(msg, &sending, km_conclusion(sending.request)) : SK_DROP;
}
