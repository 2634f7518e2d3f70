/**
 * Moves the resources of a snapshot to loopback, so that an Envoy on this machine can be asked about them and nothing leaves it. In: listeners,
 * clusters and assignments in Envoy's own snake_case form, with any addresses. Out: the same with every listener on a port of its own of 127.0.0.1 and
 * every endpoint on an address of its own of 127.128.0.0/9, and which is which. Invariant: no address outside 127.0.0.0/8 is left where Envoy
 * would bind or connect.
 *
 * What depends on the true addresses changes with them: RING_HASH and MAGLEV without hash_key (compare with a Program that was rewritten alike), and
 * filter chains that match destination addresses or ports. For those, run Envoy with the true addresses inside a closed network namespace.
 */
import type { Json, JsonObject } from './envoy.ts'
import { type Place, placeText } from './endpoints.ts'

export interface Resources {
  readonly listeners: readonly JsonObject[]
  readonly clusters: readonly JsonObject[]
  readonly assignments: readonly JsonObject[]
}

export interface Rewritten extends Resources {
  /** listener name -> the addresses to dial instead of its own, in the order address, additional_addresses */
  readonly dials: ReadonlyMap<string, readonly Place[]>
  /** "ip:port" of an endpoint -> where to listen for it */
  readonly endpoints: ReadonlyMap<string, Place>
}

/** Port of every rewritten endpoint. */
const ENDPOINT_PORT = 23900

/** `firstPort`: the listeners take this port and the following ones. Clusters that find addresses by name or by themselves are left alone. */
export function toLoopback({ listeners, clusters, assignments }: Resources, firstPort: number): Rewritten {
  const endpoints = new Map<string, Place>()
  const dials = new Map<string, Place[]>()
  let port = firstPort
  const moveEndpoint = (address: JsonObject): JsonObject => {
    const from = placeOf(address)
    const name = placeText(from)
    const known = endpoints.get(name)
    const index = endpoints.size
    const place = known ?? { address: `127.${128 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`, port: ENDPOINT_PORT }
    endpoints.set(name, place)
    return toJson(place, address)
  }
  const moveListener = (listener: JsonObject): JsonObject => {
    const places: Place[] = []
    dials.set(String(listener.name ?? ''), places)
    const move = (address: JsonObject): JsonObject => {
      const place = { address: '127.0.0.1', port: port++ }
      places.push(place)
      return toJson(place, address)
    }
    // the address itself only: filter chains may hold addresses that are matched against
    const { use_original_dst: _, bind_to_port: __, ...rest } = listener
    return {
      ...rest,
      ...(listener.address === undefined ? {} : { address: mapAddresses(listener.address, move) }),
      ...(listener.additional_addresses === undefined ? {} : { additional_addresses: mapAddresses(listener.additional_addresses, move) }),
      listener_filters: ((listener.listener_filters ?? []) as readonly JsonObject[]).filter((filter) => !isOriginalDst(filter)),
    }
  }
  return {
    listeners: listeners.map(moveListener),
    clusters: clusters.map((cluster) =>
      cluster.load_assignment === undefined
        ? cluster
        : { ...cluster, load_assignment: mapAddresses(cluster.load_assignment, moveEndpoint) },
    ),
    assignments: assignments.map((assignment) => mapAddresses(assignment, moveEndpoint) as JsonObject),
    dials,
    endpoints,
  }
}

function isOriginalDst(filter: JsonObject): boolean {
  const type = (filter.typed_config as JsonObject | undefined)?.['@type']
  return String(type).includes('original_dst')
}

function placeOf(address: JsonObject): Place {
  return { address: String(address.address), port: Number(address.port_value ?? 0) }
}

function toJson({ address, port }: Place, from: JsonObject): JsonObject {
  const { ipv4_compat: _, resolver_name: __, ...rest } = from
  return { ...rest, address, port_value: port }
}

/** Every `socket_address` below a value. */
function mapAddresses(value: Json, move: (address: JsonObject) => JsonObject): Json {
  if (Array.isArray(value)) return value.map((item) => mapAddresses(item as Json, move))
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([key, below]) => {
    if (below === undefined) return [key, undefined] as const
    return [key, key === 'socket_address' ? move(below as JsonObject) : mapAddresses(below, move)] as const
  })
  return Object.fromEntries(entries)
}
