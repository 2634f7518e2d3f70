/** The benchmark's result, schema proto/bench.schema.json. Every list has one number a round, in the order of the rounds. */
import type { Spread } from './statistics.ts'
import type { ContestantName } from './world.ts'

export interface Report {
  readonly schemaVersion: 1
  readonly machine: { readonly cpus: number; readonly kernel: string; readonly node: string }
  readonly rounds: number
  readonly traffic: readonly TrafficResult[]
  readonly compile: readonly CompileResult[]
  readonly apply: readonly ApplyResult[]
  readonly large: readonly LargeResult[]
  readonly skipped: readonly { readonly name: string; readonly why: string }[]
}

/** connect: a new connection a request; keepalive: requests on open connections; bytes: 100 MB answers on an open connection */
export type TrafficMode = 'connect' | 'keepalive' | 'bytes'

export interface TrafficResult {
  readonly contestant: ContestantName
  readonly mode: TrafficMode
  readonly concurrency: number
  /** requests of one round */
  readonly requests: number
  readonly failed: number
  /** requests per second; bytes: MB per second */
  readonly rate: Series
  /** median latency of a request in a round, microseconds */
  readonly latency: Series
  /** CPU time of client, proxy, server and kernel per request, microseconds (cpu.stat of the cgroup that holds them) */
  readonly cpu: Series
  /** against direct in the same round: rate over direct's, direct's latency over ours, CPU minus direct's */
  readonly rateRatio: Series
  readonly latencyRatio: Series
  readonly addedCpu: Series
}

export interface Series extends Spread {
  readonly rounds: readonly number[]
}

export interface CompileResult {
  readonly services: number
  readonly endpoints: number
  /** wall clock of the whole command, object cache warm */
  readonly seconds: Series
  /** largest resident set of the command and its children, MiB */
  readonly peakMiB: Series
  readonly artifactBytes: number
}

export interface ApplyResult {
  readonly services: number
  readonly endpoints: number
  /** endpoints and listener keys */
  readonly entries: number
  /** entries over the time of making and filling maps */
  readonly entriesPerSecond: Series
  readonly tablesSeconds: Series
  /** loading programs, apart */
  readonly programsSeconds: Series
  /** wall clock of the whole command */
  readonly seconds: Series
  /** kernel memory of the generation's tables and of all state rows, over the endpoints, bytes */
  readonly kernelBytesPerEndpoint: number
}

/** `kmeshc check` of a large snapshot. */
export interface LargeResult {
  /** scripts/limits/shapes.ts */
  readonly shape: string
  /** scripts/limits/forms.ts */
  readonly form: string
  readonly bytes: number
  /** wall clock of the whole command */
  readonly seconds: Series
  /** of all of its threads */
  readonly cpuSeconds: Series
  /** largest resident set */
  readonly peakMiB: Series
  /** what it may be: eight times the file and 150 MB */
  readonly mostMiB: number
}
