/**
 * 1,000 applies while clients connect without pause: no connection fails, no decision is made of two generations.
 *
 * Generation g sends service s to 127.96.(60 + g).s and nowhere else, and has g clusters and listeners in front of the services', so that the
 * same row numbers mean other services in other generations. A decision that mixed two of them would reach another service's endpoint, or
 * nothing. One client dials in sequence, so it must never see an older generation after a newer one: never back.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Resource } from '../generate.ts'
import { tcpService, type Target } from './snapshots.ts'
import { makeStressWorld } from './world.ts'

const APPLIES = 1000
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

test(`${APPLIES} applies under traffic: nothing fails, nothing is mixed`, async () => {
  const every = Array.from({ length: GENERATIONS }, (_, generation) =>
    [...SERVICES, 9].map((service) => endpointOf(generation, service)),
  ).flat()
  const world = await makeStressWorld(every)
  const artifacts = Array.from({ length: GENERATIONS }, (_, generation) => world.compile(resourcesOf(generation)))
  world.apply(artifacts[0] as string)
  const seen: Seen = { connections: 0, generations: new Set(), wrong: [] }
  const state = { running: true }
  const clients = Array.from({ length: CLIENTS }, async () => {
    const dialer = world.dialer()
    let last = 0
    while (state.running) {
      for (const service of SERVICES) {
        const tally = await dialer.dial({ protocol: 'tcp', address: serviceAddress(service), port: 80, count: 20, sequence: true })
        for (const place of tally.sequence ?? []) last = check(seen, service, place, last)
      }
    }
  })
  for (let number = 1; number <= APPLIES; number++) await world.applyAside(artifacts[number % GENERATIONS] as string)
  state.running = false
  await Promise.all(clients)
  world.close()
  assert.equal(seen.wrong.slice(0, 10), [], `${seen.wrong.length} of ${seen.connections} connections`)
  assert.ok(seen.connections > APPLIES, `${seen.connections} connections only`)
  assert.is(seen.generations.size, GENERATIONS)
})

/** Notes what is wrong with one answer; gives the generation that it came from. */
function check(seen: Seen, service: number, place: string, last: number): number {
  seen.connections++
  const found = /^127\.96\.(\d+)\.(\d+):/.exec(place)
  const generation = Number(found?.[1]) - 60
  if (found === null || Number(found[2]) !== service) {
    seen.wrong.push(`service ${service}: ${place}`)
    return last
  }
  seen.generations.add(generation)
  const forward = (generation - last + GENERATIONS) % GENERATIONS
  if (forward > GENERATIONS / 2) seen.wrong.push(`service ${service}: generation ${generation} after ${last}`)
  return generation
}

test.run()
