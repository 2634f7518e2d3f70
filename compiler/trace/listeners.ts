/**
 * Listeners as a trace sees them: where they listen and which filter chains of theirs are HTTP. In: the decoded listeners. Out: TraceListeners by name, and the
 * one that a connection to an address meets. Invariant: nothing is reported here; what is wrong with a listener is told by `check`.
 * Source: Envoy's listener.proto; the original-destination rule of listener_manager: exact address, then any address of the port, then the catch-all.
 */
import type { Cursor } from '../input/cursor.ts'
import type { Resource } from '../input/resource.ts'
import { readAddress } from '../parse/address.ts'
import { isAnyAddress, isMapped } from '../../proto/address/mapped.ts'
import type { SocketAddress } from './addresses.ts'
import { type ChainMatch, readChainMatch } from './filter-chain.ts'
import { type Inspectors, readInspectors } from './inspectors.ts'

export interface TraceListener {
  readonly name: string
  readonly path: string
  readonly inbound: boolean
  readonly useOriginalDst: boolean
  readonly addresses: readonly { readonly address: Uint8Array; readonly port: number }[]
  readonly chains: readonly TraceChain[]
  readonly fallback: TraceChain | undefined
  readonly inspectors: Inspectors
}

export interface TraceChain {
  readonly name: string
  readonly path: string
  readonly match: ChainMatch
  readonly tls: boolean
  /** the http_connection_manager that ends it; undefined: the chain is not HTTP */
  readonly manager: Cursor | undefined
  /** names of its filters */
  readonly filters: readonly string[]
}

const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

export function readListeners(resources: readonly Resource[]): readonly TraceListener[] {
  return resources.flatMap(({ kind, name, cursor }) => (kind === 'lds' && cursor !== undefined ? [readListener(cursor, name)] : []))
}

function readListener(at: Cursor, name: string): TraceListener {
  const fallback = at.message('default_filter_chain')
  return {
    name,
    path: at.path,
    inbound: at.enum('traffic_direction') === 'INBOUND',
    useOriginalDst: at.boolean('use_original_dst') ?? false,
    addresses: [at, ...at.messages('additional_addresses')].flatMap((one) => {
      const { target, protocol } = readAddress(one.message('address'), 'bound')
      return target.kind === 'ip' && protocol === 'tcp' ? [{ address: target.address, port: target.port }] : []
    }),
    chains: at.messages('filter_chains').map(readChain),
    fallback: fallback === undefined ? undefined : readChain(fallback),
    inspectors: readInspectors(at.messages('listener_filters')),
  }
}

function readChain(at: Cursor): TraceChain {
  const filters = at.messages('filters')
  const configs = filters.map((filter) => (filter.has('typed_config') ? filter.any('typed_config') : undefined))
  return {
    name: at.string('name') ?? '',
    path: at.path,
    match: readChainMatch(at.message('filter_chain_match')),
    tls: at.has('transport_socket'),
    manager: configs.find((config) => config?.type === MANAGER && config.known),
    filters: filters.map((filter) => filter.string('name') ?? ''),
  }
}

/** Whom a connection to this address meets. Inbound listeners come last: they take what arrives at a workload, not what is dialled. */
export function listenerFor(listeners: readonly TraceListener[], { address, port }: SocketAddress): TraceListener | undefined {
  const ordered = [...listeners.filter(({ inbound }) => !inbound), ...listeners.filter(({ inbound }) => inbound)]
  const v4 = isMapped(address)
  const at = (fits: (of: Uint8Array) => boolean): TraceListener | undefined =>
    ordered.find((listener) => listener.addresses.some((one) => one.port === port && fits(one.address)))
  return (
    at((of) => of.every((byte, index) => byte === address[index])) ??
    at((of) => isAnyAddress(of) && isMapped(of) === v4) ??
    at((of) => isAnyAddress(of) && !isMapped(of)) ??
    ordered.find(({ useOriginalDst, addresses }) => useOriginalDst && addresses.some((one) => isMapped(one.address) === v4)) ??
    ordered.find(({ useOriginalDst }) => useOriginalDst)
  )
}
