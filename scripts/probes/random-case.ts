/**
 * One random service. In: a seed and a number, which also gives its addresses. Out: its resources and the probes that ask about it. Cases of other numbers share nothing
 * with it, so that any of them go into one snapshot.
 */
import type { Probe } from '../golden/probe.ts'
import type { JsonObject } from '../oracle/envoy.ts'
import { type Random, seeded } from './random.ts'
import { type RandomCluster, randomCluster } from './random-cluster.ts'
import { metadataOf, randomMetadata, withSubsets } from './random-subsets.ts'

export interface RandomCase {
  readonly name: string
  readonly resources: readonly JsonObject[]
  readonly probes: readonly Probe[]
}

export const MOST_CASES = 10_000

const TYPE = 'type.googleapis.com/envoy'
const SOURCES4 = ['127.0.0.1', '127.1.2.3', '127.200.13.250', '127.77.1.9', '127.255.255.254']
const SOURCES6 = ['fd00:95::1', 'fd00:95:0:1::abcd', 'fd00:95::ffff:1']

/** `number`: 0 to MOST_CASES - 1 */
export function randomCase(seed: number, number: number): RandomCase {
  const draw = seeded(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
  const name = `case-${number}`
  const family = draw.one([4, 4, 4, 6])
  const protocol = draw.one(['tcp', 'tcp', 'tcp', 'tcp', 'udp'] as const)
  const datagram = protocol === 'udp' && draw.chance(0.5) ? 'sendto' : 'connect'
  const hash = draw.one(['none', 'source', 'source', ...(protocol === 'udp' ? ['key'] : [])])
  const place =
    family === 4 ? { address: `127.96.${number >> 7}.${(number & 127) + 1}`, port: 80 } : { address: `fd00:96:${hex(number)}::1`, port: 80 }
  const parts = protocol === 'tcp' && draw.chance(0.15) ? draw.whole(2, 3) : 1
  // a socket that is bound to an address stays in its family, and so does a datagram without a connection
  const reach = hash === 'source' || datagram === 'sendto' ? 'own' : draw.one(['own', 'own', 'other', 'both'] as const)
  // draws of their own, so that the other cases stay what they were
  const subsets = seeded(Math.imul(seed, 0x27d4eb2f) ^ Math.imul(number + 1, 0x165667b1))
  const hasSubsets = protocol === 'tcp' && subsets.chance(0.25)
  const plain = Array.from({ length: parts }, (_, part) =>
    randomCluster(draw, {
      name: `${name}-${part}`,
      address(n) {
        const isOwn = reach === 'own' || (reach === 'both' && n % 2 === 0)
        return isOwn === (family === 4)
          ? `127.${128 + (number >> 8)}.${number & 255}.${part * 64 + n}`
          : `fd00:97:${hex(number)}:${part}::${hex(n)}`
      },
    }),
  )
  const clusters = hasSubsets ? plain.map((one) => withSubsets(subsets, one)) : plain
  const criteria = (): JsonObject => (hasSubsets && subsets.chance(0.8) ? { metadata_match: metadataOf(randomMetadata(subsets)) } : {})
  const weights = clusters.map(() => draw.one([1, 1, 2, 9, 90, 999]))
  return {
    name,
    resources: [
      protocol === 'udp' ? udpListener(name, place, hash) : tcpListener(name, place, { hash, weights, criteria }),
      ...clusters.flatMap(resourcesOf),
    ],
    probes: probesOf(draw, { name, family, protocol, place, isHashed: hash === 'source', datagram, reach }),
  }
}

interface Asked {
  readonly name: string
  readonly family: number
  readonly protocol: 'tcp' | 'udp'
  readonly place: { readonly address: string; readonly port: number }
  readonly isHashed: boolean
  readonly datagram: 'connect' | 'sendto'
  /** families of the endpoints */
  readonly reach: 'own' | 'other' | 'both'
}

function probesOf(draw: Random, { name, family, protocol, place, isHashed, datagram, reach }: Asked): readonly Probe[] {
  const sources = family === 4 ? SOURCES4 : SOURCES6
  return Array.from({ length: isHashed ? 3 : 1 }, (_, index) => ({
    id: `${name}-${index}`,
    protocol,
    ...place,
    // an IPv6 socket reaches endpoints of either family
    socket: family === 4 && reach === 'own' ? draw.one(['v4', 'v6'] as const) : ('v6' as const),
    ...(isHashed ? { source: draw.one(sources) } : {}),
    ...(protocol === 'udp' ? { datagram } : {}),
  }))
}

function resourcesOf({ cluster, assignment }: RandomCluster): readonly JsonObject[] {
  return [
    { '@type': `${TYPE}.config.cluster.v3.Cluster`, ...cluster },
    ...(assignment === null ? [] : [{ '@type': `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`, ...assignment }]),
  ]
}

type Place = Asked['place']

function tcpListener(
  name: string,
  place: Place,
  { hash, weights, criteria }: { readonly hash: string; readonly weights: readonly number[]; readonly criteria: () => JsonObject },
): JsonObject {
  const clusters = weights.map((weight, part) => ({ name: `${name}-${part}`, weight, ...criteria() }))
  const typed_config = {
    '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: name,
    ...(clusters.length === 1 ? { cluster: `${name}-0`, ...criteria() } : { ...criteria(), weighted_clusters: { clusters } }),
    ...(hash === 'source' ? { hash_policy: [{ source_ip: {} }] } : {}),
  }
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name,
    address: { socket_address: { address: place.address, port_value: place.port } },
    filter_chains: [{ filters: [{ name: 'tcp', typed_config }] }],
  }
}

function udpListener(name: string, place: Place, hash: string): JsonObject {
  const route = { '@type': `${TYPE}.extensions.filters.udp.udp_proxy.v3.Route`, cluster: `${name}-0` }
  const typed_config = {
    '@type': `${TYPE}.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig`,
    stat_prefix: name,
    matcher: { on_no_match: { action: { name: 'route', typed_config: route } } },
    ...(hash === 'source'
      ? { hash_policies: [{ source_ip: true }] }
      : hash === 'key'
        ? { hash_policies: [{ key: `key of ${name}` }] }
        : {}),
  }
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name,
    address: { socket_address: { address: place.address, port_value: place.port, protocol: 'UDP' } },
    listener_filters: [{ name: 'udp', typed_config }],
  }
}

function hex(number: number): string {
  return number.toString(16)
}
