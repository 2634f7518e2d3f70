/**
 * 1,000 switches, every fifth of them a rollback, while clients connect without pause: no connection fails, no decision is made of two generations.
 *
 * Generation g sends service s to 127.96.(60 + g).s and nowhere else, and has g clusters and listeners in front of the services', so that the
 * same row numbers mean other services in other generations. A decision that mixed two of them would reach another service's endpoint, or
 * nothing. One client dials in sequence, so it must never see an older generation after a newer one: forward, or one back where a rollback was.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Resource } from '../generate.ts'
import { tcpService, type Target } from './snapshots.ts'
import { makeStressWorld } from './world.ts'

const SWITCHES = 1000
const ROLLBACK_EVERY = 5
const GENERATIONS = 7
const SERVICES = [1, 2, 3, 4] as const
const CLIENTS = 2
const PORT = 27460

const endpointOf = (generation: number, service: number): Target => ({ address: `127.96.${60 + generation}.${service}`, port: PORT })
const serviceAddress = (service: number): string => `127.96.50.${service}`

function resourcesOf(generation: number): readonly Resource[] {
  const before = Array.from({ length: generation }, (_, index) =>
    tcpService({ name: `a-${index}`, address: `127.96.51.${index + 1}`, port: 80, endpoints: [endpointOf(generation, 9)] }),
  )
  const own = SERVICES.map((service) =>
    tcpService({ name: `service-${service}`, address: serviceAddress(service), port: 80, endpoints: [endpointOf(generation, service)] }),
  )
  return [...before, ...own].flat()
}

interface Seen {
  connections: number
  generations: Set<number>
  readonly wrong: string[]
}

test(`${SWITCHES} switches under traffic: nothing fails, nothing is mixed`, async () => {
  const every = Array.from({ length: GENERATIONS }, (_, generation) =>
    [...SERVICES, 9].map((service) => endpointOf(generation, service)),
  ).flat()
  const world = await makeStressWorld(every)
  const artifacts = Array.from({ length: GENERATIONS }, (_, generation) => world.compile(resourcesOf(generation)))
  world.apply(artifacts[0] as string)
  const seen: Seen = { connections: 0, generations: new Set(), wrong: [] }
  const state = { running: true }
  /** what came into force, in order; the last one perhaps not yet */
  const order = [0]
  const clients = Array.from({ length: CLIENTS }, async () => {
    const dialer = world.dialer()
    let at = 0
    while (state.running) {
      for (const service of SERVICES) {
        const tally = await dialer.dial({ protocol: 'tcp', address: serviceAddress(service), port: 80, count: 20, sequence: true })
        for (const place of tally.sequence ?? []) at = check(seen, service, place, { order, at })
      }
    }
  })
  let before = 0
  for (let number = 1; number <= SWITCHES; number++) {
    const current = order.at(-1) as number
    // the one before is in force only after an apply
    const isBack = number % ROLLBACK_EVERY === 0
    const next = isBack ? before : (current + 1) % GENERATIONS
    before = current
    order.push(next)
    if (isBack) await world.rollbackAside()
    else await world.applyAside(artifacts[next] as string)
  }
  state.running = false
  await Promise.all(clients)
  world.close()
  assert.equal(seen.wrong.slice(0, 10), [], `${seen.wrong.length} of ${seen.connections} connections`)
  assert.ok(seen.connections > SWITCHES, `${seen.connections} connections only`)
  assert.is(seen.generations.size, GENERATIONS)
})

/** Notes what is wrong with one answer; gives its place in the order of what came into force, from the last one on. */
function check(
  seen: Seen,
  service: number,
  place: string,
  { order, at }: { readonly order: readonly number[]; readonly at: number },
): number {
  seen.connections++
  const found = /^127\.96\.(\d+)\.(\d+):/.exec(place)
  const generation = Number(found?.[1]) - 60
  if (found === null || Number(found[2]) !== service) {
    seen.wrong.push(`service ${service}: ${place}`)
    return at
  }
  seen.generations.add(generation)
  const now = order.indexOf(generation, at)
  if (now >= 0) return now
  seen.wrong.push(`service ${service}: generation ${generation} after ${order[at]}`)
  return at
}

test.run()
