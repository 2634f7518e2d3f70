// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests of a generation, first: parsed
 *
 * In: a message of a client, as the dispatcher hands it over. Out: the parsed request, to the program that finds its route.
 */
#include "lib/http/parse.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("sk_msg")
int km_http_request(struct sk_msg_md *msg)
{
  struct km_sending sending;
  return km_resume(msg, &sending) ? km_parse(msg, &sending) : SK_DROP;
}
