import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { endpoint as endpointLayout, group as groupLayout, ROW_SIZE, tier as tierLayout } from '../../proto/abi.ts'
import { get } from '../../proto/layout.ts'
import { HASH_CASES, SHARE_CASES } from '../../scripts/oracle/balance-cases.ts'
import { SOURCES } from '../../scripts/oracle/judge-balance.ts'
import type { Balance, Endpoint, Policy } from '../ir/program.ts'
import { xxHash64Text } from './hash.ts'
import { factorsOf, slotOf } from './least-request.ts'
import type { BalanceBlock } from '../lower/balance-block.ts'
import type { StateAllocator } from '../lower/states.ts'
import { lowerBalance } from './lower.ts'
import { evalBalance } from './table.ts'
import { type Met, pickFromRows } from './walk-rows.ts'

interface Owners extends StateAllocator {
  readonly names: readonly string[]
}

function owners(): Owners {
  const names = ['']
  const own = (name: string): number => {
    const known = names.indexOf(name)
    return known > 0 ? known : names.push(name) - 1
  }
  return { names, cursor: (kind, detail) => own(`cursor ${kind} ${detail}`), endpoint: (address) => own(`endpoint ${address}`) }
}

const nameOf = (met: Met | Endpoint | null | undefined): string =>
  met === null || met === undefined ? '-' : `${met.address.slice(12).join('.')}:${met.port}`
const endpoints = (count: number, weights: readonly number[] = []): Endpoint[] =>
  Array.from({ length: count }, (_, i) => ({
    address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, i >> 16, (i >> 8) & 255, i & 255),
    port: 80,
    weight: weights[i] ?? 1,
    health: 'healthy',
    hashKey: `${i}`,
  }))
const of = (policy: Policy, members: readonly Endpoint[]): Balance => ({
  policy,
  priorities: [{ localities: [{ region: '', zone: '', subZone: '', weight: 0, endpoints: members }] }],
  overprovisioningFactor: 140,
  panicThreshold: 50,
  failTrafficOnPanic: false,
  localityWeighted: false,
  weightedPriorityHealth: false,
})
const ROUND_ROBIN: Policy = { name: 'ROUND_ROBIN' }
const viewOf = ({ rows }: BalanceBlock): DataView => new DataView(rows.buffer, rows.byteOffset, rows.byteLength)

for (const one of HASH_CASES) {
  test(`${one.name}: the rows give what eval gives`, () => {
    const block = lowerBalance(one.balance, owners())
    for (const source of SOURCES.slice(0, 150)) {
      const hash = xxHash64Text(source)
      const [expected] = evalBalance(one.balance, hash).shares.keys()
      assert.is(nameOf(pickFromRows(block, hash, new Map())), nameOf(expected), source)
    }
  })
}

for (const one of SHARE_CASES) {
  test(`${one.name}: the rows give the shares of eval`, () => {
    const states = owners()
    const block = lowerBalance(one.balance, states)
    const cursors = new Map<number, number>()
    const dials = 4_000
    const met = new Map<string, number>()
    let seed = 12345n
    for (let i = 0; i < dials; i++) {
      seed = (seed * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
      const name = nameOf(pickFromRows(block, seed ^ (seed >> 29n), cursors))
      met.set(name, (met.get(name) ?? 0) + 1)
    }
    const { shares, refused } = evalBalance(one.balance)
    const expected = new Map([...shares].map(([endpoint, share]) => [nameOf(endpoint), share]))
    if (refused > 0) expected.set('-', refused)
    assert.equal(
      [...met.keys()].filter((name) => !expected.has(name)),
      [],
    )
    for (const [name, share] of expected) {
      const bound = 5 * Math.sqrt(dials * share * (1 - share)) + 2
      assert.ok(Math.abs((met.get(name) ?? 0) - dials * share) <= bound, `${name}: ${met.get(name)} of ${dials}, expected ${dials * share}`)
    }
  })
}

test('round robin is even to the last pick of a cycle', () => {
  const balance = of(ROUND_ROBIN, endpoints(4, [1, 2, 3, 4]))
  const block = lowerBalance(balance, owners())
  const { even, shares } = evalBalance(balance)
  assert.is(even?.cycle, 10)
  const cursors = new Map<number, number>()
  for (let round = 0; round < 3; round++) {
    const met = new Map<string, number>()
    for (let i = 0; i < 10; i++) {
      const name = nameOf(pickFromRows(block, BigInt(i), cursors))
      met.set(name, (met.get(name) ?? 0) + 1)
    }
    assert.equal([...met].sort(), [...shares].map(([endpoint, share]) => [nameOf(endpoint), Math.round(share * 10)]).sort())
  }
})

test('relocations are the state indices, ascending, and nothing else', () => {
  for (const { balance } of [...HASH_CASES, ...SHARE_CASES]) {
    const states = owners()
    const block = lowerBalance(balance, states)
    const view = viewOf(block)
    assert.equal(
      [...block.relocations],
      [...block.relocations].sort((a, b) => a - b),
    )
    assert.equal(
      new Set(block.relocations.map((at) => view.getUint32(at, true))).size,
      states.names.length - 1,
      'each owner is in the rows',
    )
    const places = new Set([endpointLayout.fields.state?.offset, groupLayout.fields.cursor?.offset, tierLayout.fields.cursor?.offset])
    assert.ok(block.relocations.every((at) => places.has(at % ROW_SIZE)))
  }
})

test('tiers of one host source share rows and cursors', () => {
  const withHealth = (spec: string, from: number): Endpoint[] =>
    endpoints(from + spec.length)
      .slice(from)
      .map((endpoint, i) => ({ ...endpoint, health: spec[i] === 'h' ? 'healthy' : spec[i] === 'd' ? 'degraded' : 'unhealthy' }))
  const priority = (members: readonly Endpoint[]) => ({
    localities: [{ region: '', zone: '', subZone: '', weight: 0, endpoints: members }],
  })
  // the first priority is in panic and gets load as healthy and as degraded: both times all its endpoints
  const balance = { ...of(ROUND_ROBIN, []), priorities: [priority(withHealth('hduuuuuuuu', 0)), priority(withHealth('hhhhhuuuuu', 10))] }
  const block = lowerBalance(balance, owners())
  const column = (name: string): number[] =>
    Array.from({ length: block.tiers }, (_, tier) => get(viewOf(block), tier * ROW_SIZE, tierLayout.fields[name] as never))
  assert.equal(column('upto'), [15, 86, 100])
  assert.equal(column('group'), [3, 4, 3])
  assert.is(block.rows.length / ROW_SIZE, 3 + 2 + 10 + 5)
})

test('equal weights of a policy hide those of the endpoints', () => {
  const balance = of({ name: 'ROUND_ROBIN', equalWeights: true }, endpoints(3, [1, 5, 9]))
  const block = lowerBalance(balance, owners())
  const cursors = new Map<number, number>()
  assert.equal(new Set([0n, 1n, 2n].map((h) => nameOf(pickFromRows(block, h, cursors)))).size, 3)
  assert.equal([...evalBalance(balance).shares.values()], [1 / 3, 1 / 3, 1 / 3])
  assert.equal(evalBalance(balance).even, { cycle: 3 })
})

test('nobody to choose: no rows', () => {
  assert.equal(lowerBalance(of(ROUND_ROBIN, []), owners()), {
    tiers: 0,
    rows: new Uint8Array(0),
    relocations: [],
    policy: 'ROUND_ROBIN',
    choiceCount: 0,
    bias: 0,
    flags: 0,
    shape: { localities: false },
  })
  assert.is(lowerBalance({ ...of(ROUND_ROBIN, []), priorities: [] }, owners()).tiers, 0)
  assert.is(
    lowerBalance(of({ name: 'RING_HASH', minimumRingSize: 0, maximumRingSize: 10, hashFunction: 'XX_HASH' }, endpoints(2)), owners()).tiers,
    0,
  )
})

test('LEAST_REQUEST: factors only where weights differ', () => {
  const policy: Policy = { name: 'LEAST_REQUEST', choiceCount: 3, activeRequestBias: 1, fullScan: false }
  const equal = lowerBalance(of(policy, endpoints(3, [2, 2, 2])), owners())
  assert.equal([equal.bias, equal.choiceCount], [0, 3])
  const block = lowerBalance(of(policy, endpoints(3, [1, 2, 3])), owners())
  const view = viewOf(block)
  assert.is(block.rows.length / ROW_SIZE - block.bias, 32)
  const factor = (active: number): number => view.getUint32(block.bias * ROW_SIZE + slotOf(active) * 4, true)
  assert.is(factor(0), 2 ** 31)
  assert.is(factor(1), 2 ** 30)
  for (const active of [3, 10, 127, 128, 135, 1000, 4095, 100_000]) {
    const exact = 2 ** 31 / (active + 1)
    assert.ok(Math.abs(factor(active) - exact) <= exact * 0.07 + 1, `${active}: ${factor(active)} for ${exact}`)
  }
})

test('slots of live counts are monotonic and end', () => {
  let last = -1
  for (let active = 0; active < 20_000; active++) {
    const slot = slotOf(active)
    assert.ok(slot === last || slot === last + 1, `${active}`)
    last = slot
  }
  assert.is(slotOf(2 ** 32 - 1), 255)
  assert.equal(
    [...factorsOf(0)].every((factor) => factor === 2 ** 31),
    true,
  )
  assert.equal(
    [...factorsOf(5)].every((factor) => factor >= 1),
    true,
  )
})

test('IPv6 endpoints are flagged and named in full', () => {
  const states = owners()
  const address = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
  const block = lowerBalance(of(ROUND_ROBIN, [{ ...(endpoints(1)[0] as Endpoint), address }]), states)
  assert.is(get(viewOf(block), 2 * ROW_SIZE, endpointLayout.fields.flags as never), 1)
  assert.ok(states.names.includes('endpoint [fd00:0:0:0:0:0:0:1]:80'))
})

test('a hundred thousand endpoints and a hundred Maglev tables are quick', () => {
  const states: StateAllocator = { cursor: () => 1, endpoint: () => 2 }
  const many = endpoints(100_000)
  const timed = (work: () => void): number => {
    const start = performance.now()
    work()
    return performance.now() - start
  }
  const list = timed(() => void lowerBalance(of(ROUND_ROBIN, many), states))
  const tables = timed(() => {
    for (let i = 0; i < 20; i++) lowerBalance(of({ name: 'MAGLEV', tableSize: 65537 }, many.slice(i * 10, i * 10 + 10)), states)
  })
  // aims are 300 and 600 ms; the bound leaves room for a busy machine
  assert.ok(list < 1500, `${list} ms`)
  assert.ok(tables < 3000, `${tables} ms`)
})

test.run()
