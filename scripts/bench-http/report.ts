/** The result of the HTTP benchmark, schema proto/bench-http.schema.json. Every list has one number a round, in the order of the rounds. */
import type { Series } from '../bench/report.ts'

/** node: servers on the client's node, behind loopback; other: in a namespace of their own, behind veth */
export const WORLDS = ['node', 'other'] as const
export type WorldName = (typeof WORLDS)[number]

/** control: direct again. kmesh: routed request by request; kmesh-single: a service whose connections are routed once, since it has one cluster */
export const CONTESTANTS = ['direct', 'control', 'kmesh', 'kmesh-single', 'nginx', 'haproxy', 'envoy'] as const
export type ContestantName = (typeof CONTESTANTS)[number]

export const MEASURES = [
  'keepalive-1',
  'keepalive-16',
  'keepalive-64',
  'one-cpu',
  'large',
  'post',
  'connect-1',
  'connect-16',
  'close-16',
] as const
export type MeasureName = (typeof MEASURES)[number]

export interface HttpReport {
  readonly schemaVersion: 1
  /** load: processes that wanted a CPU in the minute before; above the number of CPUs the figures are of a busy machine */
  readonly machine: { readonly cpus: number; readonly kernel: string; readonly node: string; readonly load: number }
  readonly rounds: number
  /** of one slice, a contestant's turn in a round */
  readonly seconds: number
  readonly traffic: readonly HttpResult[]
  readonly routes: readonly RoutesResult[]
  readonly skipped: readonly { readonly name: string; readonly why: string }[]
}

export interface HttpResult {
  readonly world: WorldName
  readonly contestant: ContestantName
  readonly measure: MeasureName
  readonly connections: number
  /** of all rounds */
  readonly requests: number
  readonly failed: number
  /** of kmesh: requests that the kernel left to user space, by reason (SLOW_REASONS); empty for all others */
  readonly falls: Readonly<Record<string, number>>
  /** requests per second */
  readonly rate: Series
  /** latency, microseconds */
  readonly p50: Series
  readonly p99: Series
  /** CPU time of the whole machine for a request, microseconds; idle machine subtracted */
  readonly cpu: Series
  /** the same of client, proxy and servers alone (cpu.stat): without kernel threads, and without what others do on the machine */
  readonly ownCpu: Series
  /** against direct in the same round: its rate, p50 and CPU */
  readonly rateRatio: Series
  readonly addedP50: Series
  readonly cpuRatio: Series
}

export interface RoutesResult {
  /** in the virtual host */
  readonly routes: number
  readonly failed: number
  readonly falls: HttpResult['falls']
  readonly rate: Series
  readonly p50: Series
  readonly cpu: Series
  /** kernel.bpf_stats_enabled: nanoseconds a run, tail calls included. Measured apart from the rate, which the clock reading slows. */
  readonly programs: readonly { readonly name: string; readonly runs: number; readonly nanoseconds: number }[]
}
