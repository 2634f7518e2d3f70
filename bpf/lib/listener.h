/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose listener is it. In: the listeners of an epoch and what was asked. Out: the listener, or NULL: not governed.
 * Envoy's order: the exact address, then the wildcard of the family with the port, then the catch-all of the family (port 0).
 */
#pragma once
#include "address.h"
#include "maps.h"

#define KM_ANY_PORT 0

static __always_inline const struct km_listener_value *km_listener_for(void *listeners, const struct km_asked *asked)
{
  const struct km_listener_value *listener = bpf_map_lookup_elem(listeners, &asked->key);
  if (listener)
    return listener;
  struct km_asked any = *asked;
  any.address.halves[0] = 0;
  any.address.words[2] = km_is_v4(&asked->address) ? KM_MAPPED : 0;
  any.address.words[3] = 0;
  listener = bpf_map_lookup_elem(listeners, &any.key);
  if (listener)
    return listener;
  any.key.port = KM_ANY_PORT;
  return bpf_map_lookup_elem(listeners, &any.key);
}
