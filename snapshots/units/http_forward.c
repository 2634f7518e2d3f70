// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests to their servers
 *
 * In: a request whose endpoint was chosen. Out: the message, with its new head, at the server or on its way.
 */
#include "lib/http/forward.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("sk_msg")
int km_http_forward(struct sk_msg_md *msg)
{
  struct km_sending sending;
  return km_resume(msg, &sending) ? km_forward(msg, &sending) : SK_DROP;
}
