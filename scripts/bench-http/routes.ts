/**
 * What the number of routes costs. In: numbers of routes, rounds; out: rate and CPU with 16 connections and the run time of the programs, for each number.
 * Invariant: all of them stand side by side and take turns, so that the drift of the machine meets all alike.
 */
import { series } from '../bench/traffic.ts'
import { runLoad } from './client.ts'
import { sumFalls } from './falls.ts'
import { MEASURE } from './measures.ts'
import { timePrograms } from './program-time.ts'
import type { HttpReport, RoutesResult } from './report.ts'
import { manyRequests } from './requests.ts'
import { idleShare, measureOnce, type Rounds, type Sample } from './traffic.ts'
import { ALL_CPUS, complaint, type Contestant, makeWorld, type World } from './world.ts'

export const ROUTE_COUNTS = [10, 1000, 10_000] as const
const PROGRAM_SECONDS = 0.5

interface Candidate {
  readonly routes: number
  readonly world: World
  readonly kmesh: Contestant
  readonly samples: Sample[]
}

export async function runRoutes(
  counts: readonly number[],
  rounds: Rounds,
  progress: (text: string) => void,
): Promise<{ readonly results: readonly RoutesResult[]; readonly skipped: HttpReport['skipped'] }> {
  const candidates: Candidate[] = []
  const skipped: { name: string; why: string }[] = []
  for (const routes of counts) {
    progress(`${routes} routes: compile and apply`)
    const world = await makeWorld({ name: 'node', contestants: ['kmesh'], routes })
    const kmesh = world.contestants.find(({ name }) => name === 'kmesh')
    const wrong = kmesh === undefined ? world.skipped[0]?.why : complaint(world.folder, kmesh, manyRequests(routes))
    if (kmesh !== undefined && wrong === undefined) candidates.push({ routes, world, kmesh, samples: [] })
    else {
      skipped.push({ name: `${routes} routes`, why: wrong ?? 'left out' })
      world.close()
    }
  }
  for (const { world } of candidates) world.pin(ALL_CPUS)
  for (let round = 0; round < rounds.count; round++) {
    progress(`routes, round ${round + 1} of ${rounds.count}`)
    const idle = await idleShare()
    for (const { routes, world, kmesh, samples } of round % 2 === 0 ? candidates : [...candidates].reverse()) {
      const measure = { ...MEASURE['keepalive-16'], requests: requestsOf(routes) }
      samples.push(measureOnce(world, kmesh, measure, rounds.seconds, idle))
    }
  }
  const results = candidates.map(({ routes, world, kmesh, samples }): RoutesResult => {
    progress(`${routes} routes: run time of the programs`)
    const load = { client: 'dial', mode: 'keepalive', connections: 16, requests: requestsOf(routes) } as const
    const programs = timePrograms(
      world.instance as string,
      () => void runLoad(world.folder, kmesh.target, kmesh.place, load, PROGRAM_SECONDS),
    )
    return {
      routes,
      failed: samples.reduce((sum, { failed }) => sum + failed, 0),
      falls: sumFalls(samples.map(({ falls }) => falls)),
      rate: series(samples.map(({ rate }) => rate)),
      p50: series(samples.map(({ p50 }) => p50)),
      cpu: series(samples.map(({ cpu }) => cpu)),
      programs,
    }
  })
  for (const { world } of candidates) world.close()
  return { results, skipped }
}

/** The same list each time, by which a client knows its script. */
const lists = new Map<number, ReturnType<typeof manyRequests>>()
function requestsOf(routes: number): ReturnType<typeof manyRequests> {
  const list = lists.get(routes) ?? manyRequests(routes)
  lists.set(routes, list)
  return list
}
