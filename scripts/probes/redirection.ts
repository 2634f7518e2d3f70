/**
 * Which way a dial takes to Envoy. In: its listeners as JSON, a probe. Out: `direct`, to the address as it is dialled, or `redirect`, to the listener that a mesh's
 * packet filter would redirect it to. Pure.
 *
 * A listener with use_original_dst is such a target: everything of its family is redirected to it, as in a sidecar. Where there is none, dials that only a
 * listener with bind_to_port false may meet are redirected to one that is added for them (FRONT), which hands them over or lets them pass.
 * UDP knows no original destinations.
 */
import { get } from '../../compiler/input/json-object.ts'
import type { Probe } from '../golden/probe.ts'
import { arrival } from '../judging/outcome.ts'
import { canonical, type Place } from '../judging/places.ts'
import type { JsonObject } from '../oracle/envoy.ts'

export type Way = { readonly kind: 'direct' } | { readonly kind: 'redirect'; readonly to: Place }

const FRONT_PORT = 15099
const FRONT = 'kmesh-front'
const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'

export interface ListenPlace extends Place {
  readonly protocol: 'tcp' | 'udp'
  readonly compat: boolean
}

export function wayOf(listeners: readonly JsonObject[], probe: Probe): Way {
  if (probe.protocol === 'udp') return { kind: 'direct' }
  const dialled = arrival(probe)
  const outbound = listeners.filter((listener) => get(listener, 'traffic_direction') !== 'INBOUND')
  const targets = outbound.filter((listener) => get(listener, 'use_original_dst') === true).flatMap(listenPlaces)
  const target = targets.find((place) => isOfFamily(place, dialled))
  if (target !== undefined) return { kind: 'redirect', to: { address: target.address, port: target.port } }
  const unbound = outbound.filter((listener) => get(listener, 'bind_to_port') === false).flatMap(listenPlaces)
  const isMet = unbound.some(
    (place) => place.port === dialled.port && (place.address === dialled.address || (isAny(place) && isOfFamily(place, dialled))),
  )
  return isMet ? { kind: 'redirect', to: front(dialled) } : { kind: 'direct' }
}

/** The listeners and the cluster behind FRONT, for snapshots that have no target of their own. */
export function frontResources(): { readonly listeners: readonly JsonObject[]; readonly cluster: JsonObject } {
  const filter = { name: 'tcp', typed_config: { '@type': TCP_PROXY, stat_prefix: FRONT, cluster: FRONT } }
  return {
    listeners: ['127.0.0.1', '::1'].map((address) => ({
      name: `${FRONT}-${address}`,
      address: { socket_address: { address, port_value: FRONT_PORT } },
      use_original_dst: true,
      filter_chains: [{ filters: [filter] }],
    })),
    cluster: { name: FRONT, type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' },
  }
}

/** Places where Envoy itself listens, so that nobody else can. */
export function boundPlaces(listeners: readonly JsonObject[]): readonly ListenPlace[] {
  return listeners.filter((listener) => get(listener, 'bind_to_port') !== false).flatMap(listenPlaces)
}

export function isAny({ address }: Place): boolean {
  return address === '0.0.0.0' || address === '::'
}

function front({ address }: Place): Place {
  return { address: address.includes(':') ? '::1' : '127.0.0.1', port: FRONT_PORT }
}

/** An address of its family may arrive at this place, if it is a wildcard. */
export function isOfFamily(place: ListenPlace, dialled: Place): boolean {
  return place.address.includes(':') === dialled.address.includes(':') || (place.compat && !dialled.address.includes(':'))
}

function listenPlaces(listener: JsonObject): readonly ListenPlace[] {
  const additional = (get(listener, 'additional_addresses') ?? []) as readonly unknown[]
  return [listener, ...additional].flatMap((holder) => {
    const socket = get(get(holder, 'address'), 'socket_address')
    const address = get(socket, 'address')
    if (typeof address !== 'string') return []
    const protocol = get(socket, 'protocol') === 'UDP' ? 'udp' : 'tcp'
    const shortest = address.includes(':') ? canonical(`[${address}]`) : address
    return [
      { address: shortest, port: Number(get(socket, 'port_value') ?? 0), protocol, compat: get(socket, 'ipv4_compat') === true } as const,
    ]
  })
}
