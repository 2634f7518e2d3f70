/**
 * The filter chain of a connection, with everything that a snapshot and a request tell of it. In: a listener's chains and the connection. Out: a chain, the
 * default one, or nothing. Invariant: Envoy's order, without going back: each condition keeps the chains that fit it best, and only those.
 * Source: Envoy's FilterChainMatch (listener_components.proto) and filter_chain_manager_impl.cc. A client that is not known fits no condition on it.
 */
import type { Cursor } from '../input/cursor.ts'
import { isMapped, MAPPED_BITS } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import type { SocketAddress } from './addresses.ts'

export interface Connection {
  readonly destination: SocketAddress | undefined
  readonly source: SocketAddress | undefined
  readonly transport: 'raw_buffer' | 'tls'
  readonly serverName: string
  /** undefined: no listener filter looks */
  readonly applicationProtocol: string | undefined
}

interface Range {
  readonly address: Uint8Array
  readonly bits: number
}

export interface ChainMatch {
  readonly port: number | undefined
  readonly prefixes: readonly Range[]
  readonly serverNames: readonly string[]
  readonly transport: string
  readonly protocols: readonly string[]
  readonly directSources: readonly Range[]
  readonly sourceType: 'ANY' | 'SAME_IP_OR_LOOPBACK' | 'EXTERNAL'
  readonly sources: readonly Range[]
  readonly sourcePorts: readonly number[]
}

/** `at`: a FilterChainMatch */
export function readChainMatch(at: Cursor | undefined): ChainMatch {
  const type = at?.enum('source_type')
  return {
    port: at?.number('destination_port'),
    prefixes: readRanges(at?.messages('prefix_ranges')),
    serverNames: (at?.strings('server_names') ?? []).map((name) => name.toLowerCase()),
    transport: at?.string('transport_protocol') ?? '',
    protocols: at?.strings('application_protocols') ?? [],
    directSources: readRanges(at?.messages('direct_source_prefix_ranges')),
    sourceType: type === 'SAME_IP_OR_LOOPBACK' || type === 'EXTERNAL' ? type : 'ANY',
    sources: readRanges(at?.messages('source_prefix_ranges')),
    sourcePorts: at?.numbers('source_ports') ?? [],
  }
}

function readRanges(list: readonly Cursor[] | undefined): readonly Range[] {
  return (list ?? []).flatMap((at) => {
    const address = parseIp(at.string('address_prefix') ?? '')
    if (address === undefined) return []
    const bits = at.number('prefix_len') ?? 0
    return [{ address, bits: isMapped(address) ? MAPPED_BITS + Math.min(bits, 32) : Math.min(bits, 128) }]
  })
}

/** How well one condition fits: undefined not at all, 0 when it is not set, more the better. */
type Fit = (match: ChainMatch, connection: Connection) => number | undefined

const STEPS: readonly Fit[] = [
  ({ port }, { destination }) => (port === undefined ? 0 : port === destination?.port ? 1 : undefined),
  ({ prefixes }, { destination }) => inRanges(prefixes, destination),
  ({ serverNames }, { serverName }) => bestName(serverNames, serverName),
  ({ transport }, connection) => (transport === '' ? 0 : transport === connection.transport ? 1 : undefined),
  ({ protocols }, { applicationProtocol }) =>
    protocols.length === 0 ? 0 : applicationProtocol !== undefined && protocols.includes(applicationProtocol) ? 1 : undefined,
  ({ directSources }, { source }) => inRanges(directSources, source),
  ({ sourceType }, connection) =>
    sourceType === 'ANY' ? 0 : isLocal(connection) === (sourceType === 'SAME_IP_OR_LOOPBACK') ? 1 : undefined,
  ({ sources }, { source }) => inRanges(sources, source),
  ({ sourcePorts }, { source }) =>
    sourcePorts.length === 0 ? 0 : source?.port !== undefined && sourcePorts.includes(source.port) ? 1 : undefined,
]

export function chooseChain<Chain extends { readonly match: ChainMatch }>(
  chains: readonly Chain[],
  connection: Connection,
): Chain | undefined {
  let left = chains
  for (const fit of STEPS) {
    const fits = left.map((chain) => fit(chain.match, connection))
    const best = Math.max(-1, ...fits.map((one) => one ?? -1))
    left = left.filter((_, index) => fits[index] === best)
  }
  return left[0]
}

function inRanges(ranges: readonly Range[], where: SocketAddress | undefined): number | undefined {
  if (ranges.length === 0) return 0
  if (where === undefined) return undefined
  const bits = ranges.flatMap((range) => (contains(range, where.address) ? [range.bits + 1] : []))
  return bits.length === 0 ? undefined : Math.max(...bits)
}

function contains(range: Range, address: Uint8Array): boolean {
  if (isMapped(range.address) !== isMapped(address)) return false
  for (let bit = 0; bit < range.bits; bit += 8) {
    const mask = range.bits - bit >= 8 ? 0xff : (0xff << (8 - (range.bits - bit))) & 0xff
    if ((((range.address[bit >> 3] as number) ^ (address[bit >> 3] as number)) & mask) !== 0) return false
  }
  return true
}

/** exact, else the longest "*.suffix" */
function bestName(names: readonly string[], serverName: string): number | undefined {
  if (names.length === 0) return 0
  const scores = names.flatMap((name) => {
    if (name === serverName) return [Number.MAX_SAFE_INTEGER]
    return name.startsWith('*.') && serverName.endsWith(name.slice(1)) ? [name.length] : []
  })
  return scores.length === 0 ? undefined : Math.max(...scores)
}

/** 127.0.0.1 and ::1 alone, not the rest of 127.0.0.0/8 (tried on Envoy 1.40) */
const LOOPBACK = ['127.0.0.1', '::1'].flatMap((text) => parseIp(text) ?? [])

function isLocal({ source, destination }: Connection): boolean {
  if (source === undefined) return false
  const { address } = source
  return (
    LOOPBACK.some((one) => address.every((byte, index) => byte === one[index])) ||
    (destination !== undefined && address.every((byte, index) => byte === destination.address[index]))
  )
}
