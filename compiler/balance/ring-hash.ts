/**
 * RING_HASH: the ketama ring that Envoy builds, entry for entry. Each host has scale * weight entries, the hash of "<key>_<i>"; a connection
 * meets the first entry at or after its hash. Source: Envoy's ring_hash_lb.cc; the sums are doubles in host order, as there.
 */
import type { Cursor } from '../input/cursor.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { type Hash64, murmurHash2, xxHash64 } from './hash.ts'
import { evalTables, type TableKind, tableTiers } from './hash-layout.ts'
import { type HashingConfig, readHashingConfig, readLocalityConfig } from './locality-config.ts'
import type { BalancePolicy, HashTable, PolicyOf, PolicyReading } from './policy.ts'
import type { TableHost } from './table-hosts.ts'

type Ring = Extract<HashTable, { readonly kind: 'ring' }>

const DEFAULT_MINIMUM = 1024
const DEFAULT_MAXIMUM = 8 * 1024 * 1024

export const ringHash: BalancePolicy<'RING_HASH'> = {
  kind: 'RING_HASH',
  type: 'envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash',
  readLegacy: (cluster, diag) => {
    const common = cluster.message('common_lb_config')
    const { localityWeighted } = readLocalityConfig(common)
    return read(
      cluster.message('ring_hash_lb_config'),
      readHashingConfig(common?.message('consistent_hashing_lb_config')),
      localityWeighted,
      diag,
    )
  },
  readTyped: (config, diag) => {
    const localityWeighted = config.message('locality_weighted_lb_config') !== undefined
    const nested = config.message('consistent_hashing_lb_config')
    // the deprecated fields of the same names count only where the message that replaced them is absent
    if (nested !== undefined) {
      for (const field of ['use_hostname_for_hashing', 'hash_balance_factor'])
        config.mark(field, 'equivalent', 'consistent_hashing_lb_config is set and wins')
    }
    return read(config, readHashingConfig(nested ?? config), localityWeighted, diag)
  },
  eval: (policy, balance, hash) => evalTables(balance, ringKind(policy), hash),
  lower: (policy, balance) => ({ tiers: tableTiers(balance, ringKind(policy)), cursors: false, choiceCount: 0, flags: 0 }),
}

function read(config: Cursor | undefined, hashing: HashingConfig, localityWeighted: boolean, diag: Diagnostics): PolicyReading {
  const minimumRingSize = config?.number('minimum_ring_size') ?? DEFAULT_MINIMUM
  const maximumRingSize = config?.number('maximum_ring_size') ?? DEFAULT_MAXIMUM
  const hashFunction = config?.enum('hash_function') === 'MURMUR_HASH_2' ? 'MURMUR_HASH_2' : 'XX_HASH'
  if (config !== undefined && minimumRingSize > maximumRingSize) {
    const message = `minimum_ring_size ${minimumRingSize} is larger than maximum_ring_size ${maximumRingSize}`
    diag.report({
      code: 'KM1404',
      severity: 'error',
      message,
      fix: 'Envoy refuses this cluster; lower the minimum or raise the maximum',
      path: config.path,
    })
    return { unsupported: message, reported: true }
  }
  if (maximumRingSize > DEFAULT_MAXIMUM) return { unsupported: `RING_HASH with up to ${maximumRingSize} entries` }
  if (hashing.unsupported !== undefined) return { unsupported: `RING_HASH with ${hashing.unsupported}` }
  const policy = { name: 'RING_HASH', minimumRingSize, maximumRingSize, hashFunction } as const
  return { policy, localityWeighted, failTrafficOnPanic: false, useHostnameForHashing: hashing.useHostnameForHashing }
}

function ringKind(policy: PolicyOf<'RING_HASH'>): TableKind<Ring> {
  return { build: (hosts) => buildRing(hosts, policy), pick: pickOnRing, shares: ringShares }
}

export function buildRing(hosts: readonly TableHost[], { minimumRingSize, maximumRingSize, hashFunction }: PolicyOf<'RING_HASH'>): Ring {
  if (hosts.length === 0) return { kind: 'ring', high: NONE, low: NONE, index: NONE }
  const least = hosts.reduce((min, host) => Math.min(min, host.weight), 1)
  const scale = Math.min(Math.ceil(least * minimumRingSize) / least, maximumRingSize)
  const room = Math.ceil(scale) + hosts.length
  const high = new Uint32Array(room)
  const low = new Uint32Array(room)
  const owner = new Uint32Array(room)
  let size = 0
  let target = 0
  for (const [index, { endpoint, weight }] of hosts.entries()) {
    target += scale * weight
    const write = keyWriter(endpoint.hashKey)
    for (let i = 0; size < target; i++) {
      const length = write(i)
      if (hashFunction === 'MURMUR_HASH_2') murmurHash2(buffer, length, out)
      else xxHash64(buffer, length, 0, out)
      high[size] = out.high
      low[size] = out.low
      owner[size++] = index
    }
  }
  const order = new Uint32Array(size).map((_, i) => i)
  order.sort((a, b) => (high[a] as number) - (high[b] as number) || (low[a] as number) - (low[b] as number))
  return {
    kind: 'ring',
    high: order.map((i) => high[i] as number),
    low: order.map((i) => low[i] as number),
    index: order.map((i) => owner[i] as number),
  }
}

const NONE = new Uint32Array(0)
const out: Hash64 = { high: 0, low: 0 }
const encoder = new TextEncoder()
let buffer = new Uint8Array(256)

/** Writes "<key>_<i>" to `buffer` and gives its length; the key is encoded once. */
function keyWriter(key: string): (i: number) => number {
  const bytes = encoder.encode(`${key}_`)
  if (buffer.length < bytes.length + 16) buffer = new Uint8Array(bytes.length + 256)
  buffer.set(bytes)
  return (i) => {
    let digits = 1
    for (let rest = i; rest >= 10; rest = Math.floor(rest / 10)) digits++
    let rest = i
    for (let at = bytes.length + digits - 1; at >= bytes.length; at--) {
      buffer[at] = 48 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    return bytes.length + digits
  }
}

function pickOnRing(ring: Ring, hash: bigint): number {
  const high = Number(hash >> 32n)
  const low = Number(hash & 0xffffffffn)
  let from = 0
  let upto = ring.index.length
  while (from < upto) {
    const middle = (from + upto) >>> 1
    const h = ring.high[middle] as number
    if (h < high || (h === high && (ring.low[middle] as number) < low)) from = middle + 1
    else upto = middle
  }
  return ring.index[from === ring.index.length ? 0 : from] as number
}

/** The arcs before the entries of each host, as parts of 2^64. */
function ringShares(ring: Ring, hosts: number): readonly number[] {
  const shares = new Array<number>(hosts).fill(0)
  const at = (i: number): number => ((ring.high[i] as number) + (ring.low[i] as number) / 2 ** 32) / 2 ** 32
  for (let i = 0; i < ring.index.length; i++) {
    const before = i === 0 ? at(ring.index.length - 1) - 1 : at(i - 1)
    const owner = ring.index[i] as number
    shares[owner] = (shares[owner] as number) + at(i) - before
  }
  return shares
}
