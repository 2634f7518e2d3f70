/**
 * Balances that a real Envoy judges, and that the recorded answers (balance.answers.json) are about. In: nothing. Out: named cases.
 * Endpoints are 127.23.x.y; names are stable, since the records are keyed by them.
 */
import type { Balance, Endpoint, Health, Locality, Policy } from '../../compiler/ir/program.ts'

export interface BalanceCase {
  readonly name: string
  readonly balance: Balance
  /** hash_policy source_ip; else random */
  readonly hashed: boolean
}

const PORT = 23900

/** `spec`: one letter per endpoint (h, d, u), with weights in order. */
function endpoints(block: number, spec: string, weights: readonly number[] = []): readonly Endpoint[] {
  const health: Readonly<Record<string, Health>> = { h: 'healthy', d: 'degraded', u: 'unhealthy' }
  return [...spec].map((letter, index) => ({
    address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 23, block, index + 1),
    port: PORT,
    weight: weights[index] ?? 1,
    health: health[letter] as Health,
    hashKey: `127.23.${block}.${index + 1}:${PORT}`,
  }))
}

function locality(name: string, weight: number, members: readonly Endpoint[]): Locality {
  return { region: 'r', zone: name, subZone: '', weight, endpoints: members }
}

function balanceOf(policy: Policy, priorities: readonly (readonly Locality[])[], over: Partial<Balance> = {}): Balance {
  return {
    policy,
    priorities: priorities.map((localities) => ({ localities })),
    overprovisioningFactor: 140,
    panicThreshold: 50,
    failTrafficOnPanic: false,
    localityWeighted: false,
    weightedPriorityHealth: false,
    ...over,
  }
}

const ROUND_ROBIN: Policy = { name: 'ROUND_ROBIN' }
const RANDOM: Policy = { name: 'RANDOM' }
const LEAST_REQUEST: Policy = { name: 'LEAST_REQUEST', choiceCount: 2, activeRequestBias: 1, fullScan: false }
const ring = (minimumRingSize = 1024, maximumRingSize = 8388608, hashFunction: 'XX_HASH' | 'MURMUR_HASH_2' = 'XX_HASH'): Policy => ({
  name: 'RING_HASH',
  minimumRingSize,
  maximumRingSize,
  hashFunction,
})
const maglev = (tableSize = 65537): Policy => ({ name: 'MAGLEV', tableSize })

const flat = (members: readonly Endpoint[]): readonly (readonly Locality[])[] => [[locality('a', 0, members)]]
const zones = (weightA: number, weightB: number): readonly Locality[] => [
  locality('b', weightB, endpoints(2, 'hhh', [1, 5, 2])),
  locality('a', weightA, endpoints(1, 'hhuu', [3, 1, 1, 1])),
]
const failover = (first: string, second: string, third = ''): readonly (readonly Locality[])[] => [
  [locality('a', 0, endpoints(1, first))],
  [locality('a', 0, endpoints(2, second))],
  ...(third === '' ? [] : [[locality('a', 0, endpoints(3, third))]]),
]
const keyed = endpoints(1, 'hhhh').map((endpoint, index) => ({
  ...endpoint,
  hashKey: `key-${index}-that-is-longer-than-thirty-two-bytes-in-all`,
}))

function both(name: string, priorities: readonly (readonly Locality[])[], over: Partial<Balance> = {}): readonly BalanceCase[] {
  return [
    { name: `ring ${name}`, balance: balanceOf(ring(), priorities, over), hashed: true },
    { name: `maglev ${name}`, balance: balanceOf(maglev(), priorities, over), hashed: true },
  ]
}

/** One endpoint for each source address: compared exactly. */
export const HASH_CASES: readonly BalanceCase[] = [
  ...both('equal', flat(endpoints(1, 'hhhhhhh'))),
  ...both('weights', flat(endpoints(1, 'hhhh', [1, 2, 3, 10]))),
  ...both('weights 1/999', flat(endpoints(1, 'hh', [1, 999]))),
  ...both('weighted localities', [zones(1, 3)], { localityWeighted: true }),
  ...both('a locality of weight 0', [zones(0, 3)], { localityWeighted: true }),
  ...both('no locality weights', [zones(0, 0)], { localityWeighted: true }),
  ...both('locality weights that do not count', [zones(1, 3)]),
  ...both('spill over', failover('huuu', 'hhhh')),
  ...both('degraded', failover('hddu', 'uuuu')),
  ...both('only degraded', flat(endpoints(1, 'ddu'))),
  ...both('panic', failover('uuuh', 'uuuu')),
  ...both('total panic', failover('uuu', 'uu')),
  ...both('panic that would fail traffic', flat(endpoints(1, 'uuu')), { failTrafficOnPanic: true }),
  ...both('hash_key', flat(keyed)),
  ...both('three priorities', failover('huuu', 'hhuuuuuu', 'hhh')),
  { name: 'ring small', balance: balanceOf(ring(7), flat(endpoints(1, 'hhhhh', [1, 2, 1, 3, 1]))), hashed: true },
  { name: 'ring maximum', balance: balanceOf(ring(16, 33), flat(endpoints(1, 'hhhh', [1, 100, 7, 3]))), hashed: true },
  {
    name: 'ring murmur',
    balance: balanceOf(ring(1024, 8388608, 'MURMUR_HASH_2'), flat(endpoints(1, 'hhhhh', [4, 1, 1, 2, 1]))),
    hashed: true,
  },
  { name: 'ring murmur hash_key', balance: balanceOf(ring(100, 200, 'MURMUR_HASH_2'), flat(keyed)), hashed: true },
  { name: 'maglev 13', balance: balanceOf(maglev(13), flat(endpoints(1, 'hhhhh', [1, 2, 1, 3, 1]))), hashed: true },
  { name: 'maglev 997 many', balance: balanceOf(maglev(997), flat(endpoints(1, 'h'.repeat(60)))), hashed: true },
  { name: 'maglev 2 slots', balance: balanceOf(maglev(2), flat(endpoints(1, 'hhhhh'))), hashed: true },
]

function eachList(name: string, priorities: readonly (readonly Locality[])[], over: Partial<Balance> = {}): readonly BalanceCase[] {
  return [ROUND_ROBIN, RANDOM, LEAST_REQUEST].map((policy) => ({
    name: `${policy.name} ${name}`,
    balance: balanceOf(policy, priorities, over),
    hashed: false,
  }))
}

/** Shares: compared within a bound of chance. */
export const SHARE_CASES: readonly BalanceCase[] = [
  ...eachList('equal', flat(endpoints(1, 'hhhh'))),
  ...eachList('weights', flat(endpoints(1, 'hhhh', [1, 2, 3, 4]))),
  ...eachList('weights 1/999', flat(endpoints(1, 'hh', [1, 999]))),
  ...eachList('spill over', failover('huuu', 'hhhhh')),
  ...eachList('degraded', failover('hddu', 'uuuu')),
  ...eachList('panic of one', failover('uuuh', 'uuuuuuuh')),
  ...eachList('total panic', failover('uuu', 'uu')),
  ...eachList('panic fails traffic', flat(endpoints(1, 'uuh')), { failTrafficOnPanic: true, panicThreshold: 60 }),
  ...eachList('threshold 0', flat(endpoints(1, 'uuu')), { panicThreshold: 0 }),
  ...eachList('weighted localities', [zones(1, 3)], { localityWeighted: true }),
  ...eachList('no locality weights', [zones(0, 0)], { localityWeighted: true }),
  ...eachList('locality weights that do not count', [zones(1, 3)]),
  ...eachList('three priorities', failover('huuu', 'hhuuuuuu', 'hhh')),
  ...eachList('an empty priority', [[], [locality('a', 0, endpoints(2, 'hh'))]]),
  ...eachList('weighted priority health', [[locality('a', 0, endpoints(1, 'hu', [1, 9]))], [locality('a', 0, endpoints(2, 'hh'))]], {
    weightedPriorityHealth: true,
  }),
  ...eachList('a small factor', failover('hhhhhhhhhu', 'hh'), { overprovisioningFactor: 1 }),
  { name: 'RING_HASH random', balance: balanceOf(ring(64), flat(endpoints(1, 'hhh', [1, 2, 3]))), hashed: false },
  { name: 'MAGLEV random', balance: balanceOf(maglev(101), flat(endpoints(1, 'hhh', [1, 2, 3]))), hashed: false },
  {
    name: 'LEAST_REQUEST full scan',
    hashed: false,
    balance: balanceOf({ name: 'LEAST_REQUEST', choiceCount: 2, activeRequestBias: 1, fullScan: true }, flat(endpoints(1, 'hhh'))),
  },
]
