/**
 * The measures of a world in interleaved rounds. In: a world, which measures, how many rounds of slices of how many seconds; out: one result for each contestant
 * and measure. Invariant: within a round every contestant meets the same load for the same time, by turns; who is first moves on by one each round, and every
 * second round goes backwards, so that nobody always comes after the same neighbour. The CPU time of an idle machine is measured in each round and subtracted.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { paired } from '../bench/statistics.ts'
import { series } from '../bench/traffic.ts'
import { busyMicroseconds } from './busy-time.ts'
import { runLoad } from './client.ts'
import { type Falls, fallsSince, sumFalls } from './falls.ts'
import { MEASURE, type Measure } from './measures.ts'
import type { HttpResult, MeasureName } from './report.ts'
import { ALL_CPUS, type Contestant, type World } from './world.ts'

export interface Rounds {
  readonly count: number
  /** of a slice */
  readonly seconds: number
}

export interface Sample {
  readonly requests: number
  readonly failed: number
  readonly falls: Falls
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
  readonly ownCpu: number
}

const LAST_CPU = `${availableParallelism() - 1}`
/** Of a slice, what `dial` takes of it, which has a latency for each request; wrk takes whole seconds. */
const DIAL_SHARE = 0.6
/** Seconds that a machine without load is looked at. */
const IDLE = 0.5

export async function runTraffic(
  world: World,
  chosen: readonly MeasureName[],
  rounds: Rounds,
  progress: (text: string) => void,
): Promise<readonly HttpResult[]> {
  const samples = new Map<string, Sample[]>()
  const keyOf = (measure: MeasureName, { name }: Contestant): string => `${measure} ${name}`
  for (let round = 0; round < rounds.count; round++) {
    const idle = await idleShare()
    for (const measure of chosen) {
      progress(`${world.name}, round ${round + 1} of ${rounds.count}: ${MEASURE[measure].title}`)
      world.pin(MEASURE[measure].cpus === 'one' ? LAST_CPU : ALL_CPUS)
      for (const contestant of order(world.contestants, round)) {
        const key = keyOf(measure, contestant)
        samples.set(key, [...(samples.get(key) ?? []), measureOnce(world, contestant, MEASURE[measure], rounds.seconds, idle)])
      }
    }
  }
  return chosen.flatMap((measure) => {
    const direct = samples.get(keyOf(measure, world.contestants[0] as Contestant)) ?? []
    return world.contestants.map((one) => toResult(world, one, measure, samples.get(keyOf(measure, one)) ?? [], direct))
  })
}

function order(contestants: readonly Contestant[], round: number): readonly Contestant[] {
  const turned = contestants.map((_, turn) => contestants[(round + turn) % contestants.length] as Contestant)
  return round % 2 === 0 ? turned : turned.reverse()
}

/** CPU seconds a second that the machine uses without us. */
export async function idleShare(): Promise<number> {
  const [busy, begin] = [busyMicroseconds(), performance.now()]
  await sleep(IDLE * 1000)
  return (busyMicroseconds() - busy) / (performance.now() - begin) / 1000
}

/** `idle`: what idleShare said. */
export function measureOnce(world: World, { target, place }: Contestant, measure: Measure, seconds: number, idle: number): Sample {
  const load = measure.cpus === 'one' ? { ...measure, cpu: LAST_CPU } : measure
  const before = world.falls()
  const [busy, own, begin] = [busyMicroseconds(), world.ownMicroseconds(), performance.now()]
  const slice = runLoad(world.folder, target, place, load, measure.client === 'dial' ? seconds * DIAL_SHARE : seconds)
  const elapsed = (performance.now() - begin) * 1000
  const requests = Math.max(1, slice.requests)
  const [busyNow, ownNow] = [busyMicroseconds(), world.ownMicroseconds()]
  return {
    requests: slice.requests,
    failed: slice.failed,
    falls: fallsSince(before, world.falls()),
    rate: slice.requests / slice.seconds,
    p50: slice.p50,
    p99: slice.p99,
    cpu: Math.max(0, busyNow - busy - idle * elapsed) / requests,
    ownCpu: (ownNow - own) / requests,
  }
}

function toResult(world: World, { name }: Contestant, measure: MeasureName, own: readonly Sample[], direct: readonly Sample[]): HttpResult {
  const all = (of: (sample: Sample) => number): number[] => own.map(of)
  const against = (of: (sample: Sample) => number, combine: (value: number, base: number) => number): number[] =>
    paired(own.map(of), direct.map(of), combine)
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const ratio = (value: number, base: number): number => (base === 0 ? 0 : value / base)
  return {
    world: world.name,
    contestant: name,
    measure,
    connections: MEASURE[measure].connections,
    requests: sum(all(({ requests }) => requests)),
    failed: sum(all(({ failed }) => failed)),
    falls: sumFalls(own.map(({ falls }) => falls)),
    rate: series(all(({ rate }) => rate)),
    p50: series(all(({ p50 }) => p50)),
    p99: series(all(({ p99 }) => p99)),
    cpu: series(all(({ cpu }) => cpu)),
    ownCpu: series(all(({ ownCpu }) => ownCpu)),
    rateRatio: series(against(({ rate }) => rate, ratio)),
    addedP50: series(
      against(
        ({ p50 }) => p50,
        (value, base) => value - base,
      ),
    ),
    cpuRatio: series(against(({ cpu }) => cpu, ratio)),
  }
}
