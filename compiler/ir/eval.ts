/**
 * The meaning of a Program at layer 4: what happens to one dial. In: a Program, a dial, the evaluators of balance policies. Out: a Decision.
 * This is the reference that the kernel programs and a real Envoy are compared with. Live counts are not part of it: max_connections
 * matters only where it is 0.
 */
import type { ReasonName } from '../../proto/abi.ts'
import type { Shares } from '../balance/policy.ts'
import { keyText } from './key-text.ts'
import { addressPortText, addressText } from '../../proto/address/address-text.ts'
import { isAnyAddress, isMapped } from '../../proto/address/mapped.ts'
import { contains } from './filter-chains.ts'
import type { Action, Balance, Cluster, Endpoint, FilterChain, HashPolicy, Listener, ListenerKey, Program, Protocol } from './program.ts'

export interface Dial {
  readonly protocol: Protocol
  /** 16 bytes, IPv4-mapped or IPv6 */
  readonly address: Uint8Array
  readonly port: number
  /** the client's own address; undefined: not known */
  readonly source?: Uint8Array
  /** what the client's socket can reach; by default whatever is chosen */
  readonly socket?: 'v4' | 'v6' | 'v6only'
}

export interface Evaluators {
  readonly shares: (balance: Balance, hash: bigint | undefined) => Shares
  /** xxHash64 of a text, seed 0 */
  readonly hash: (text: string) => bigint
}

export type Decision =
  /** nothing governs the address, or the cluster is ORIGINAL_DST: the connection goes where it was going */
  | { readonly outcome: 'passed'; readonly listener?: string }
  | { readonly outcome: 'refused'; readonly reason: ReasonName; readonly listener: string; readonly why?: string }
  | Balanced

export interface Balanced {
  readonly outcome: 'balanced'
  readonly listener: string
  /** clusters that may be met, by share */
  readonly clusters: ReadonlyMap<string, number>
  /** probability by "ip:port"; sums to 1 with `refused` and `passed` */
  readonly shares: ReadonlyMap<string, number>
  readonly refused: ReadonlyMap<ReasonName, number>
  readonly passed: number
  /** any `cycle` dials in a row meet every endpoint exactly share * cycle times; undefined: at random */
  readonly cycle?: number
}

const LOOPBACK4 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1)
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

export function decide(program: Program, dial: Dial, evaluators: Evaluators): Decision {
  const address = destination(dial.address)
  const listener = listenerAt(program, dial.protocol, address, dial.port)
  if (listener === undefined) return { outcome: 'passed' }
  return run(program, listener, actionAt(listener, address, dial.port), dial, evaluators)
}

/** connect() to 0.0.0.0 or :: goes to the loopback address. */
function destination(address: Uint8Array): Uint8Array {
  return !isAnyAddress(address) ? address : isMapped(address) ? LOOPBACK4 : LOOPBACK6
}

const index = new WeakMap<Program, ReadonlyMap<string, Listener>>()

/** Exact address and port, else the wildcard of the family with this port, else the family's catch-all (TCP). */
export function listenerAt(program: Program, protocol: Protocol, address: Uint8Array, port: number): Listener | undefined {
  let byKey = index.get(program)
  if (byKey === undefined) {
    byKey = new Map(
      program.listeners.flatMap((listener) => listener.keys.map((key) => [`${listener.protocol} ${keyText(key)}`, listener] as const)),
    )
    index.set(program, byKey)
  }
  const family = isMapped(address) ? 'v4' : 'v6'
  const keys: readonly ListenerKey[] = [
    { kind: 'exact', address, port },
    { kind: family === 'v4' ? 'any4' : 'any6', port },
    { kind: 'catch_all', family },
  ]
  for (const key of keys) {
    const found = byKey.get(`${protocol} ${keyText(key)}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** Chains of the port if there are any, else those without port; among them the longest prefix; else the fallback. */
export function actionAt(listener: Listener, address: Uint8Array, port: number): Action {
  const ofPort = listener.chains.filter((chain) => chain.destinationPort === port)
  const candidates = ofPort.length > 0 ? ofPort : listener.chains.filter((chain) => chain.destinationPort === undefined)
  let best: { readonly chain: FilterChain; readonly bits: number } | undefined
  for (const chain of candidates) {
    const bits =
      chain.prefixes.length === 0
        ? 0
        : Math.max(-1, ...chain.prefixes.filter((prefix) => contains(prefix, address)).map((prefix) => prefix.bits))
    if (bits >= 0 && (best === undefined || bits > best.bits)) best = { chain, bits }
  }
  return best?.chain.action ?? listener.fallback
}

function run(program: Program, listener: Listener, action: Action, dial: Dial, evaluators: Evaluators): Decision {
  const { name } = listener
  if (action.kind === 'refuse') return { outcome: 'refused', reason: action.reason, listener: name }
  // requests are judged one by one (compiler/http); without the node process nobody accepts their connection
  if (action.kind === 'http') return { outcome: 'refused', reason: 'no_acceptor', listener: name }
  if (action.kind === 'divert') return { outcome: 'refused', reason: 'diverted', listener: name, why: action.why }
  const parts = action.kind === 'cluster' ? [{ cluster: action.cluster, weight: 1 }] : action.clusters
  const total = parts.reduce((sum, { weight }) => sum + weight, 0)
  const sum = new Sum()
  for (const { cluster, weight } of parts) {
    const head = cluster === null ? undefined : program.clusters[cluster]
    if (weight > 0) sum.add(head, weight / total, met(head, action.hash, dial, evaluators))
  }
  return sum.decision(name, parts.length === 1)
}

/** What one cluster does with a connection. */
type Met =
  | { readonly kind: 'passed' }
  | { readonly kind: 'refused'; readonly reason: ReasonName; readonly why?: string }
  | {
      readonly kind: 'shares'
      readonly shares: ReadonlyMap<Endpoint, number>
      readonly refused: number
      readonly cycle: number | undefined
    }

function met(cluster: Cluster | undefined, hash: HashPolicy, dial: Dial, evaluators: Evaluators): Met {
  if (cluster === undefined) return { kind: 'refused', reason: 'unknown_cluster' }
  const { target } = cluster
  if (target.kind === 'original_dst') return { kind: 'passed' }
  if (target.kind === 'refuse') return { kind: 'refused', reason: target.reason, why: target.why }
  const hashed = target.balance.policy.name === 'RING_HASH' || target.balance.policy.name === 'MAGLEV'
  if (hashed && hash.kind === 'source_ip' && dial.source === undefined) return { kind: 'refused', reason: 'no_source' }
  const { shares, refused, even } = evaluators.shares(target.balance, hashed ? hashOf(hash, dial, evaluators) : undefined)
  if (refused < 1 && cluster.maxConnections === 0) return { kind: 'refused', reason: 'overflow' }
  return inReach({ kind: 'shares', shares, refused, cycle: even?.cycle }, dial.socket)
}

/** Envoy hashes the text of the address without port (hash_policy.cc), and the key as it is. */
function hashOf(hash: HashPolicy, dial: Dial, evaluators: Evaluators): bigint | undefined {
  if (hash.kind === 'key') return evaluators.hash(hash.key)
  return hash.kind === 'source_ip' && dial.source !== undefined ? evaluators.hash(addressText(dial.source)) : undefined
}

class Sum {
  private readonly clusters = new Map<string, number>()
  private readonly shares = new Map<string, number>()
  private readonly refused = new Map<ReasonName, number>()
  private passed = 0
  private why: string | undefined
  private cycle: number | undefined

  add(cluster: Cluster | undefined, part: number, what: Met): void {
    if (cluster !== undefined) raise(this.clusters, cluster.name, part)
    if (what.kind === 'passed') this.passed += part
    else if (what.kind === 'refused') {
      raise(this.refused, what.reason, part)
      this.why ??= what.why
    } else {
      for (const [endpoint, share] of what.shares) raise(this.shares, addressPortText(endpoint.address, endpoint.port), part * share)
      if (what.refused > 0) raise(this.refused, 'no_endpoint', part * what.refused)
      this.cycle = what.cycle
    }
  }

  /** `single`: one cluster alone decides, so its order is that of the dials */
  decision(listener: string, single: boolean): Decision {
    const [reason] = this.refused.keys()
    if (this.shares.size === 0 && this.passed === 0)
      return { outcome: 'refused', reason: reason ?? 'no_endpoint', listener, ...(this.why !== undefined && { why: this.why }) }
    if (this.shares.size === 0 && this.refused.size === 0) return { outcome: 'passed', listener }
    const { clusters, shares, refused, passed } = this
    return {
      outcome: 'balanced',
      listener,
      clusters,
      shares,
      refused,
      passed,
      ...(single && this.cycle !== undefined && { cycle: this.cycle }),
    }
  }
}

function raise<Key>(map: Map<Key, number>, key: Key, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by)
}

/** A socket that cannot reach an endpoint that was chosen gets another one; it is refused where nobody is in its reach. */
function inReach(found: Extract<Met, { readonly kind: 'shares' }>, socket: Dial['socket']): Met {
  const near = [...found.shares].filter(([endpoint]) => reaches(socket, endpoint))
  if (near.length === found.shares.size) return found
  const sum = near.reduce((total, [, share]) => total + share, 0)
  if (sum === 0) return { kind: 'refused', reason: 'family' }
  const scale = (1 - found.refused) / sum
  return { ...found, shares: new Map(near.map(([endpoint, share]) => [endpoint, share * scale])), cycle: undefined }
}

/** An IPv4 socket cannot reach an IPv6 endpoint, one with IPV6_V6ONLY no IPv4 endpoint. */
function reaches(socket: Dial['socket'], { address }: Endpoint): boolean {
  return socket === 'v4' ? isMapped(address) : socket === 'v6only' ? !isMapped(address) : true
}
