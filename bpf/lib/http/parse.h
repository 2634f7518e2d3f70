/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request out of the bytes of a message. In: a message of a client. Out: the parsed request, whole in the message with its body, to the program that routes it; or
 * the message kept until there is more, or given to user space.
 */
#pragma once
#include "copy-message.h"
#include "head.h"
#include "sending.h"

/*
 * Whether the first request of a message may go another way than the rest. A redirect would take the rest of a corked message with it. And from such a request on answers go by TCP
 * (forward.h), where they would overtake one that is on its way into the client's queue.
 */
static __always_inline int km_may_split(const struct km_sending *sending)
{
  const struct km_client *client = sending->client;
  return !sending->socket->corked && !km_is_carried(client) && (client->flags & KM_CLIENT_ORDERED || km_is_over(client->due, KM_SETTLED_TIME));
}

static __always_inline int km_parse(struct sk_msg_md *msg, const struct km_sending *sending)
{
  struct km_request *request = sending->request;
  int result = km_begin_head(request);
  if (!result)
    result = km_scan_message(msg, request);
  if (result == KM_SCAN_MORE)
    return km_wait(msg, sending);
  if (result == KM_SCAN_WHOLE)
    result = km_end_head(request);
  if (result != KM_SCAN_WHOLE)
    return km_finish_slow(msg, sending, request->reason);
  __u32 total = request->head_length + request->body_length;
  __u32 size = msg->size;
  if (size < total)
    return km_wait(msg, sending);
  if (size > total && !km_may_split(sending)) {
    km_note_pipelining(sending->client);
    return km_finish_slow(msg, sending, KM_SLOW_PIPELINED);
  }
  request->way.total = total;
  request->way.failure = KM_REASON_NONE;
  return km_next(msg, sending, KM_PROGRAM_HTTP_ROUTE);
}
