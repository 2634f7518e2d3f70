/**
 * Storms of connections from 16 threads, each ended in an unfriendly way, also while generations come and go: never more than max_connections at
 * a time, counters only grow, and everything live ends at exactly 0.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PitfallService } from './services.ts'
import { type StormJob, startStorm, type StormTally } from './storm.ts'
import { LOST, makeWorld } from './world.ts'

const PORT = 29300
const THREADS = 16
const SECONDS = 0.5
const LIMIT = 3
const A = { address: '10.1.0.1', port: PORT }
const B = { address: '10.1.0.2', port: PORT }
const CLOSED = { address: '10.1.0.1', port: PORT + 1 }
const SERVICE = { a: '10.96.0.1', lost: '10.96.0.2', closed: '10.96.0.3', few: '10.96.0.4', lost6: 'fd00:96::2' } as const

/** `round` moves endpoints and makes row numbers mean other things. */
function servicesAt(round: number): readonly PitfallService[] {
  const tcp = (name: string, address: string, endpoints: PitfallService['endpoints'], maxConnections?: number): PitfallService => ({
    name,
    protocol: 'tcp',
    address,
    port: 80,
    endpoints,
    ...(maxConnections !== undefined && { maxConnections }),
  })
  const before = Array.from({ length: round % 3 }, (_, index) => tcp(`before ${index}`, `10.96.9.${index + 1}`, [A, B]))
  return [
    ...before,
    tcp('a', SERVICE.a, [[A], [A, B], [B]][round % 3] as PitfallService['endpoints']),
    tcp('lost', SERVICE.lost, [{ address: LOST.v4, port: PORT }]),
    tcp('lost6', SERVICE.lost6, [{ address: LOST.v6, port: PORT }]),
    tcp('closed', SERVICE.closed, [CLOSED]),
    tcp('few', SERVICE.few, round % 2 === 0 ? [A, B] : [B], LIMIT),
  ]
}

const world = await makeWorld([A, B].map((place) => ({ ...place, protocol: 'tcp' })))
await world.apply(servicesAt(0))
const storms = [startStorm(world.place, 4), startStorm(world.place)] as const

const job = (way: StormJob['way'], address: string, family: 'v4' | 'v6' = 'v4'): StormJob => ({
  way,
  address,
  port: 80,
  family,
  threads: THREADS,
  seconds: SECONDS,
})

function clusterOf(name: string) {
  const found = world.status().clusters.find((cluster) => cluster.name === name)
  if (found === undefined) throw new Error(`no cluster ${name}`)
  return found
}

for (const [way, address, family] of [
  ['abandon', SERVICE.lost, 'v4'],
  ['abandon', SERVICE.lost6, 'v6'],
  ['abandon', SERVICE.a, 'v4'],
  ['abandon', SERVICE.a, 'v6'],
  ['abandon', SERVICE.closed, 'v4'],
  ['disconnect', SERVICE.lost, 'v4'],
  ['disconnect', SERVICE.a, 'v6'],
  ['reset', SERVICE.a, 'v4'],
] as const) {
  test(`${way} ${address} over ${family} sockets`, async () => {
    const { tried, failed } = await storms[0].run(job(way, address, family))
    assert.ok(tried > THREADS, `${tried} tried`)
    assert.is(failed.ECONNREFUSED ?? 0, 0, 'nothing was refused')
    assert.equal(await world.settled(), {})
  })
}

test(`${THREADS} threads never hold more than max_connections`, async () => {
  const before = clusterOf('few')
  const { made, most, failed } = await storms[0].run({ ...job('hold', SERVICE.few), seconds: 2 })
  assert.ok(most <= LIMIT, `${most} at a time`)
  assert.ok(most > 1 && made > LIMIT, `${made} made, ${most} at a time: the threads hardly met`)
  const after = clusterOf('few')
  assert.is(after.connections - before.connections, made)
  assert.is((after.failures.overflow ?? 0) - (before.failures.overflow ?? 0), failed.ECONNREFUSED ?? 0)
  assert.equal(await world.settled(), {})
})

test('the same while generations come and go: nothing fails, limits hold, counters only grow', async () => {
  const running = { is: true }
  const holds: StormTally[] = []
  const others: StormTally[] = []
  const clients = [
    (async () => {
      while (running.is) holds.push(await storms[0].run(job('hold', SERVICE.few)))
    })(),
    (async () => {
      for (let index = 0; running.is; index++) {
        const way = (['abandon', 'reset', 'disconnect'] as const)[index % 3] as StormJob['way']
        others.push(await storms[1].run({ ...job(way, index % 2 === 0 ? SERVICE.a : SERVICE.lost), seconds: 0.2 }))
      }
    })(),
  ]
  const seen = new Map<string, number>()
  for (let round = 0; round < 30; round++) {
    await world.apply(servicesAt(round))
    for (const [name, count] of counters()) {
      assert.ok(count >= (seen.get(name) ?? 0), `${name} went from ${seen.get(name)} to ${count}`)
      seen.set(name, count)
    }
  }
  running.is = false
  await Promise.all(clients)
  for (const { most } of holds) assert.ok(most <= LIMIT, `${most} at a time`)
  for (const { failed } of others) assert.is(failed.ECONNREFUSED ?? 0, 0)
  assert.ok(holds.reduce((sum, { made }) => sum + made, 0) > LIMIT)
  await world.apply(servicesAt(1))
  assert.equal(await world.settled(), {})
})

/** Everything that only grows, by name. */
function counters(): readonly (readonly [string, number])[] {
  const { listeners, clusters } = world.status()
  const grown = (name: string, { connections, failures }: { connections: number; failures: Readonly<Record<string, number>> }) => [
    [`${name} connections`, connections] as const,
    ...Object.entries(failures).map(([reason, count]) => [`${name} ${reason}`, count] as const),
  ]
  return [
    ...listeners.flatMap((listener) => grown(`listener ${listener.name}`, listener)),
    ...clusters.flatMap((cluster) => [
      ...grown(cluster.name, cluster),
      ...cluster.endpoints.flatMap((endpoint) => grown(`${cluster.name} ${endpoint.address}`, endpoint)),
    ]),
  ]
}

test('an endpoint that leaves with live connections and comes back: its connections are given back where they were counted', async () => {
  const dialer = world.dialer()
  const hold = async (name: string): Promise<void> => {
    assert.equal((await dialer.dial({ protocol: 'tcp', address: SERVICE.a, port: 80, count: 20, hold: name })).failed, {})
  }
  const many = (round: number): readonly PitfallService[] =>
    Array.from({ length: 40 }, (_, index) => ({
      name: `new ${round} ${index}`,
      protocol: 'tcp',
      address: `10.97.${round}.${index + 1}`,
      port: 80,
      endpoints: [A, B],
    }))
  await world.apply(servicesAt(0))
  await hold('first')
  assert.is(clusterOf('a').active, 20)
  // gone for so long that nothing names its row any more, and others look for rows
  for (const round of [1, 2, 3]) await world.apply([...many(round), ...servicesAt(2)])
  assert.equal(world.live(), { a: 20 })
  await hold('second')
  assert.equal(world.live(), { a: 40, [`a ${B.address}:${B.port}`]: 20 })
  await world.apply(servicesAt(0))
  assert.equal(world.live(), { a: 40, [`a ${A.address}:${A.port}`]: 20 }, 'counted on its own row again')
  await dialer.release('first')
  await dialer.release('second')
  assert.equal(await world.settled(), {})
  await world.apply(servicesAt(1))
  assert.equal(world.live(), {}, 'both endpoints')
})

test('a whole cluster leaves with live connections, its rows are wanted by others, and it comes back', async () => {
  const dialer = world.dialer()
  await world.apply(servicesAt(1))
  await dialer.dial({ protocol: 'tcp', address: SERVICE.few, port: 80, count: LIMIT, hold: 'few' })
  assert.is(clusterOf('few').active, LIMIT)
  const without = (round: number) => servicesAt(round).filter(({ name }) => name !== 'few')
  for (const round of [0, 1, 2]) await world.apply(without(round))
  await world.apply(servicesAt(1))
  assert.is(clusterOf('few').active, LIMIT, 'the limit counts those that are still there')
  assert.equal((await dialer.dial({ protocol: 'tcp', address: SERVICE.few, port: 80 })).failed, { ECONNREFUSED: 1 })
  for (const round of [0, 1, 2]) await world.apply(without(round))
  await dialer.release('few')
  await world.apply(servicesAt(1))
  assert.equal(await world.settled(), {})
})

test.after(() => {
  for (const storm of storms) storm.stop()
  world.close()
})
test.run()
