/** Expectations are the tables in Envoy's documentation of priority levels, degraded endpoints and the panic threshold, unless a comment says otherwise. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Balance, Endpoint, Health } from '../ir/program.ts'
import { loadSteps, loadsOf } from './health.ts'

const KINDS: Readonly<Record<string, Health>> = { h: 'healthy', d: 'degraded', u: 'unhealthy', x: 'draining' }
const hosts = (kind: string, count: number, weight = 1): Endpoint[] =>
  Array.from({ length: count }, (_, i) => ({
    address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, i),
    port: 1,
    weight,
    health: KINDS[kind] as Health,
    hashKey: `${kind}${i}`,
  }))
const of = (priorities: readonly (readonly Endpoint[])[], over: Partial<Balance> = {}): Balance => ({
  policy: { name: 'ROUND_ROBIN' },
  overprovisioningFactor: 140,
  panicThreshold: 50,
  failTrafficOnPanic: false,
  localityWeighted: false,
  weightedPriorityHealth: false,
  priorities: priorities.map((endpoints) => ({ localities: [{ region: '', zone: '', subZone: '', weight: 0, endpoints }] })),
  ...over,
})
/** healthy (and degraded) percent of 100 hosts a priority */
const percents = (...priorities: readonly (readonly [healthy: number, degraded: number])[]): Balance =>
  of(priorities.map(([healthy, degraded]) => [...hosts('h', healthy), ...hosts('d', degraded), ...hosts('u', 100 - healthy - degraded)]))

test('two priorities by health of the first', () => {
  for (const [healthy, first, second] of [
    [100, 100, 0],
    [72, 100, 0],
    [71, 99, 1],
    [50, 70, 30],
    [25, 35, 65],
    [0, 0, 100],
  ] as const) {
    assert.equal(loadsOf(percents([healthy, 0], [100, 0])).healthy, [first, second], `${healthy} %`)
  }
})

test('three priorities, without panic', () => {
  // the last row is what a real Envoy does (11,092, 10,601 and 8,307 of 30,000 connections): the rest of whole divisions goes to the first
  for (const [a, b, c, loads] of [
    [100, 100, 100, [100, 0, 0]],
    [72, 72, 100, [100, 0, 0]],
    [71, 71, 100, [99, 1, 0]],
    [50, 50, 100, [70, 30, 0]],
    [25, 25, 100, [35, 35, 30]],
    [25, 25, 20, [37, 35, 28]],
  ] as const) {
    assert.equal(loadsOf({ ...percents([a, 0], [b, 0], [c, 0]), panicThreshold: 0 }).healthy, loads, `${a} ${b} ${c}`)
  }
})

/** Envoy 1.40: excluded hosts; a cluster of one healthy and three draining hosts neither panics nor fails over. */
test('draining hosts do not count, and are met in a panic only', () => {
  const draining = hosts('x', 3)
  assert.equal(loadsOf(of([[...hosts('h', 1), ...draining], hosts('h', 2)])).healthy, [100, 0])
  assert.equal(loadsOf(of([[...hosts('h', 1), ...draining]])).panic, [false])
  assert.equal(loadsOf(of([[...hosts('h', 1), ...hosts('u', 1), ...draining], hosts('h', 2)])).healthy, [70, 30])
  assert.equal(
    loadsOf(of([[...hosts('h', 1, 1), ...hosts('u', 1, 3), ...hosts('x', 2, 8)], hosts('h', 1)], { weightedPriorityHealth: true })).healthy,
    [35, 65],
  )
  assert.equal(loadsOf(of([draining])).panic, [true])
  // in a total panic all hosts count
  assert.equal(loadsOf(of([[...hosts('u', 1), ...hosts('x', 2)], hosts('u', 2)])).healthy, [60, 40])
})

test('healthy and degraded, one priority', () => {
  for (const [healthy, degraded, loads] of [
    [100, 0, [100, 0]],
    [71, 29, [99, 1]],
    [50, 50, [70, 30]],
    [25, 75, [35, 65]],
    [25, 25, [50, 50]],
  ] as const) {
    const { healthy: h, degraded: d } = loadsOf(percents([healthy, degraded]))
    assert.equal([h[0], d[0]], loads, `${healthy} + ${degraded}`)
  }
})

test('degraded hosts of the first come after healthy ones of the second', () => {
  // 25 % and 25 % healthy are 35 and 35, the rest goes to the degraded of the first
  const loads = loadsOf(percents([25, 75], [25, 0]))
  assert.equal(
    [loads.healthy, loads.degraded],
    [
      [35, 35],
      [30, 0],
    ],
  )
  assert.equal(loadSteps(loads), [
    { priority: 0, health: 'healthy', percent: 35, upto: 35 },
    { priority: 1, health: 'healthy', percent: 35, upto: 70 },
    { priority: 0, health: 'degraded', percent: 30, upto: 100 },
  ])
})

test('panic only where the total is below 100', () => {
  // 50 + 30 of 100: 70 + 42 are more than 100, nobody panics although one priority is below the threshold
  assert.equal(loadsOf(percents([50, 0], [30, 0])).panic, [false, false])
  // 20 + 20: 28 + 28 are 56
  assert.equal(loadsOf(percents([20, 0], [20, 0])).panic, [true, true])
  // 20 + 51: 28 + 71 are 99
  assert.equal(loadsOf(percents([20, 0], [51, 0])).panic, [true, false])
})

test('degraded hosts count for the threshold', () => {
  assert.equal(loadsOf(of([[...hosts('h', 2), ...hosts('d', 3), ...hosts('u', 5)]], { panicThreshold: 50 })).panic, [false])
  assert.equal(loadsOf(of([[...hosts('h', 2), ...hosts('d', 3), ...hosts('u', 5)]], { panicThreshold: 51 })).panic, [true])
})

test('total panic spreads by number of hosts', () => {
  const loads = loadsOf(of([hosts('u', 1), hosts('u', 2)]))
  assert.equal(
    [loads.healthy, loads.panic],
    [
      [34, 66],
      [true, true],
    ],
  )
  // an empty first priority gets nothing, the rounding goes to the first that has hosts
  assert.equal(loadsOf(of([[], hosts('u', 1), hosts('u', 2)])).healthy, [0, 34, 66])
})

test('nobody is there: all on the first', () => {
  assert.equal(loadsOf(of([[], []])).healthy, [100, 0])
  assert.equal(loadsOf(of([hosts('u', 3)], { panicThreshold: 0 })), { healthy: [100], degraded: [0], panic: [false] })
  assert.equal(loadsOf(of([])), { healthy: [], degraded: [], panic: [] })
})

test('health by weight', () => {
  const endpoints = [...hosts('h', 1, 1), ...hosts('u', 1, 9)]
  assert.equal(loadsOf(of([endpoints, hosts('h', 1)])).healthy, [70, 30])
  assert.equal(loadsOf(of([endpoints, hosts('h', 1)], { weightedPriorityHealth: true })).healthy, [14, 86])
})

test('loads always sum to 100', () => {
  for (let seed = 0; seed < 400; seed++) {
    const part = (salt: number): number => (seed * 7919 + salt * 104729) % 11
    const priorities = Array.from({ length: 1 + (seed % 4) }, (_, p) => [
      ...hosts('h', part(p)),
      ...hosts('d', part(p + 10)),
      ...hosts('u', part(p + 20)),
    ])
    const balance = of(priorities, {
      overprovisioningFactor: [140, 100, 17, 300][seed % 4] as number,
      panicThreshold: [50, 0, 100, 7][(seed >> 2) % 4] as number,
    })
    const { healthy, degraded } = loadsOf(balance)
    assert.is(
      [...healthy, ...degraded].reduce((a, b) => a + b, 0),
      100,
      `seed ${seed}`,
    )
    assert.is(loadSteps(loadsOf(balance)).at(-1)?.upto, 100)
  }
})

test.run()
