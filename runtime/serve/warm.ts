/**
 * Connections before the first request: for endpoints that routes of the kernel lead to, the holder keeps a few in each network namespace, so that even the first request is decided in
 * the kernel. In: the generation in force, namespaces. Out: messages to the holder.
 * Invariant: at most WARM_POOLS places have such connections; endpoints beyond that get theirs with their first request. One endpoint of each cluster comes before the second of any.
 */
import { endpoint as endpointLayout } from '../../proto/abi.ts'
import { rowReader, viewOf } from '../field.ts'
import { type OpenInstance, readGeneration } from '../held-generation.ts'
import { versionOf, walkEndpoints } from '../walk.ts'
import type { HolderLink } from './holder-link.ts'

/** Connections that each place has. */
const CONNECTIONS = 2
/** Endpoints in each namespace, and places (endpoint and namespace) in all. */
export const WARM_ENDPOINTS = 64
export const WARM_POOLS = 256

export interface WarmEndpoint {
  /** 16 bytes */
  readonly address: Uint8Array
  readonly port: number
  /** state id */
  readonly state: number
}

export interface Warmth {
  /** Namespaces by cookie. To be called again when they or the generation change. */
  spread(namespaces: readonly bigint[], endpoints: readonly WarmEndpoint[]): void
}

export function createWarmth(link: Pick<HolderLink, 'send'>): Warmth {
  let kept = new Map<string, { readonly netns: bigint; readonly endpoint: WarmEndpoint }>()
  const send = (netns: bigint, { address, port, state }: WarmEndpoint, count: number): void =>
    link.send('warm', { netns, address, port, state, count })
  return {
    spread(namespaces, endpoints) {
      const wanted = new Map<string, { readonly netns: bigint; readonly endpoint: WarmEndpoint }>()
      for (const netns of namespaces)
        for (const endpoint of endpoints.slice(0, WARM_ENDPOINTS))
          if (wanted.size < WARM_POOLS)
            wanted.set(`${netns} ${endpoint.state} ${Buffer.from(endpoint.address).toString('hex')}`, { netns, endpoint })
      for (const [key, { netns, endpoint }] of kept) if (!wanted.has(key)) send(netns, endpoint, 0)
      // also those that are known: an id may have got another owner meanwhile
      for (const { netns, endpoint } of wanted.values()) send(netns, endpoint, CONNECTIONS)
      kept = wanted
    },
  }
}

/** Endpoints that requests may go to, those first that are most likely the next ones. */
export function warmEndpoints(open: OpenInstance): readonly WarmEndpoint[] {
  const held = readGeneration(open)
  const row = rowReader(endpointLayout, held.endpoint)
  const view = viewOf(held.endpoint)
  const clusters: WarmEndpoint[][] = []
  for (const [index, { requests }] of held.names.clusters.entries()) {
    const version = requests === 'kernel' ? versionOf(held.cluster, index, held.record.generation) : null
    if (version === null) continue
    const found = new Map<number, WarmEndpoint>()
    walkEndpoints(view, version, {
      endpoint: (at) => {
        const state = row.number(at, 'state')
        if (found.size < WARM_ENDPOINTS && !found.has(state))
          found.set(state, { address: row.bytes(at, 'address').slice(), port: row.number(at, 'port'), state })
      },
    })
    clusters.push([...found.values()])
  }
  const turns = Array.from({ length: WARM_ENDPOINTS }, (_, turn) => clusters.flatMap((list) => list[turn] ?? []))
  return [...new Map(turns.flat().map((endpoint) => [endpoint.state, endpoint])).values()].slice(0, WARM_ENDPOINTS)
}
