/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The service of a connection under the generation in force. In: what the client dialled. Out: the row of its service: a connection that is older than the
 * generation is routed by it all the same, as Envoy does when routes change.
 */
#pragma once
#include "../chain.h"
#include "client-row.h"

/* 0: nothing is routed there any more. */
static __always_inline int km_find_service(struct km_client *client, const struct km_record *record)
{
  if (client->generation == record->generation)
    return 1;
  const __u32 *epoch = &record->epoch;
  void *listeners = bpf_map_lookup_elem(&km_listener, epoch);
  if (!listeners)
    return 0;
  struct km_asked asked = { .rest = 0 };
  km_copy_address(asked.address.bytes, client->asked);
  asked.key.port = client->asked_port;
  asked.key.protocol = KM_TCP;
  const struct km_listener_value *listener = km_listener_for(listeners, &asked);
  if (!listener)
    return 0;
  const __u32 *row = &listener->target;
  if (listener->flags & KM_LISTENER_DYNAMIC)
    row = km_match_chain(epoch, &asked, listener);
  const struct km_chain *chain = row ? km_chain_at(epoch, row) : NULL;
  if (!chain || chain->kind != KM_CHAIN_HTTP)
    return 0;
  client->service = chain->target;
  client->epoch = *epoch;
  client->listener = listener->state;
  client->generation = record->generation;
  return 1;
}
