// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests of a generation, second: routed
 *
 * In: a parsed request. Out: its action, to the program that carries it out.
 */
#include "lib/http/decide.h"

enum km_features {
  KM_WITH_QUERY = 0,
  KM_WITH_VALUES = 0,
  KM_WITH_WILDCARDS = 0,
  KM_WITH_PORTS = 1,
  KM_WITH_ODD_PATHS = 0,
};

#include "lib/http/route.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("sk_msg")
int km_http_route(struct sk_msg_md *msg)
{
  struct km_sending sending;
  if (!km_resume(msg, &sending))
    return SK_DROP;
  if (km_route(sending.request) != KM_HTTP_ROUTED)
    return km_finish_slow(msg, &sending, sending.request->reason);
  return km_next(msg, &sending, KM_PROGRAM_HTTP_ACT);
}
