/**
 * The measures of traffic, in interleaved rounds. In: a world and the number of rounds; out: one result for each contestant and measure.
 * Invariant: within a round every contestant does the same work, in slices of a round by turns. Who is first moves on by one each slice, and every
 * second slice goes backwards, so that nobody always comes after the same neighbour. A round's figure is the median of its slices: what else the
 * machine does for a moment is in none.
 */
import { availableParallelism } from 'node:os'
import { run } from '../kit/process.ts'
import type { Series, TrafficMode, TrafficResult } from './report.ts'
import { paired, quantile, spread } from './statistics.ts'
import { tool } from './tools.ts'
import type { Contestant, ContestantName, World } from './world.ts'

export interface Measure {
  readonly mode: TrafficMode
  readonly concurrency: number
  readonly requests: number
  readonly contestants: readonly ContestantName[]
  /** bytes of an answer, where it is not the usual two */
  readonly size?: number
}

const ALL: readonly ContestantName[] = ['direct', 'control', 'passed', 'kmesh', 'envoy', 'haproxy']

/** `scale` 1 makes about nine seconds a round. */
export function measures(scale: number): readonly Measure[] {
  const many = (requests: number): number => Math.max(200, Math.round(requests * scale))
  return [
    { mode: 'connect', concurrency: 1, requests: many(6000), contestants: ALL },
    { mode: 'connect', concurrency: 16, requests: many(12_000), contestants: ALL },
    { mode: 'keepalive', concurrency: 1, requests: many(8000), contestants: ALL },
    { mode: 'keepalive', concurrency: 16, requests: many(30_000), contestants: ALL },
    {
      mode: 'bytes',
      concurrency: 1,
      requests: Math.max(6, Math.round(48 * scale)),
      contestants: ['direct', 'control', 'passed', 'kmesh'],
      size: 100_000_000,
    },
  ]
}

/** A round is cut into slices, in which the contestants take turns: what else the machine does then meets all of them alike. */
const SLICES = 6
/** Requests before the clocks start, as a share of those that are measured. */
const WARMUP = 0.1
/**
 * Client, server and proxies share this CPU: the rate is then the inverse of what the whole path costs, and neither idle CPUs that have to be woken
 * nor the scheduler's placement are in it.
 */
const CPU = `${availableParallelism() - 1}`

interface Slice {
  readonly requests: number
  readonly failed: number
  readonly seconds: number
  /** median latency, microseconds */
  readonly latency: number
  /** microseconds */
  readonly cpu: number
}

interface Sample {
  readonly failed: number
  readonly rate: number
  readonly latency: number
  readonly cpu: number
}

export function runTraffic(world: World, chosen: readonly Measure[], rounds: number, progress: (text: string) => void): TrafficResult[] {
  const samples = new Map<string, Sample[]>()
  const keyOf = (measure: Measure, name: ContestantName): string => `${measure.mode} ${measure.concurrency} ${name}`
  for (let round = 0; round < rounds; round++) {
    for (const measure of chosen) {
      progress(`round ${round + 1} of ${rounds}: ${measure.mode}, ${measure.concurrency} at once`)
      for (const [name, slices] of runRound(world, measure, round)) {
        const key = keyOf(measure, name)
        samples.set(key, [...(samples.get(key) ?? []), toSample(measure, slices)])
      }
    }
  }
  return chosen.flatMap((measure) => {
    const direct = samples.get(keyOf(measure, 'direct')) ?? []
    return world.contestants.flatMap(({ name }) => {
      const own = samples.get(keyOf(measure, name))
      return own === undefined ? [] : [toResult(measure, name, own, direct)]
    })
  })
}

function runRound(world: World, measure: Measure, round: number): ReadonlyMap<ContestantName, readonly Slice[]> {
  const here = world.contestants.filter(({ name }) => measure.contestants.includes(name))
  const slices = new Map<ContestantName, Slice[]>(here.map(({ name }) => [name, []]))
  world.pin(CPU)
  for (let slice = 0; slice < SLICES; slice++) {
    const first = slice + round
    const order = here.map((_, turn) => here[(first + turn) % here.length] as Contestant)
    for (const contestant of slice % 2 === 0 ? order : order.reverse())
      slices.get(contestant.name)?.push(runSlice(world, measure, contestant))
  }
  return slices
}

function runSlice(world: World, measure: Measure, { addresses, port, place }: Contestant): Slice {
  const requests = Math.ceil(measure.requests / SLICES)
  const counts = [measure.concurrency, Math.ceil(requests * WARMUP), requests, measure.size ?? 0].map(String)
  const load = [tool('load'), measure.mode, addresses.join(), `${port}`, ...counts, world.cpuStat]
  const text = run(['taskset', '-c', CPU, ...load], place)
  const { failed, seconds, p50_us, cpu_us } = JSON.parse(text) as Record<'failed' | 'seconds' | 'p50_us' | 'cpu_us', number>
  return { requests, failed, seconds, latency: p50_us, cpu: cpu_us }
}

function toSample(measure: Measure, slices: readonly Slice[]): Sample {
  const median = (of: (slice: Slice) => number): number => quantile(slices.map(of), 0.5)
  return {
    failed: slices.reduce((sum, { failed }) => sum + failed, 0),
    rate: median(({ requests, failed, seconds }) => (requests - failed) / seconds) * (measure.size === undefined ? 1 : measure.size / 1e6),
    latency: median(({ latency }) => latency),
    cpu: median(({ cpu, requests }) => cpu / requests),
  }
}

function toResult(measure: Measure, contestant: ContestantName, own: readonly Sample[], direct: readonly Sample[]): TrafficResult {
  const [rate, latency, cpu] = [own.map((one) => one.rate), own.map((one) => one.latency), own.map((one) => one.cpu)]
  return {
    contestant,
    mode: measure.mode,
    concurrency: measure.concurrency,
    requests: measure.requests,
    failed: own.reduce((sum, one) => sum + one.failed, 0),
    rate: series(rate),
    latency: series(latency),
    cpu: series(cpu),
    rateRatio: series(
      paired(
        rate,
        direct.map((one) => one.rate),
        (a, b) => a / b,
      ),
    ),
    latencyRatio: series(
      paired(
        latency,
        direct.map((one) => one.latency),
        (a, b) => b / a,
      ),
    ),
    addedCpu: series(
      paired(
        cpu,
        direct.map((one) => one.cpu),
        (a, b) => a - b,
      ),
    ),
  }
}

export function series(rounds: readonly number[]): Series {
  return { ...spread(rounds), rounds }
}
