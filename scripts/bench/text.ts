/** The report as tables for people. In: a Report; out: text without colours, one line a row. Pure. */
import type { Report, Series, TrafficResult } from './report.ts'

const TITLES: Readonly<Record<string, string>> = {
  connect: 'new TCP connection for each request',
  keepalive: 'keep-alive requests',
  bytes: 'answers of 100 MB on one connection',
}

/** How the figures were made; printed above them. */
const METHOD = `Client, server and proxies share one CPU, so the rate is the inverse of what the whole path costs. Medians of interleaved rounds, each the
median of six slices in changing order; ratios and differences are taken within a round. control is direct again, from another cgroup: how far it is from
direct is the error. passed comes from the governed cgroup and dials nobody's service. No TIME_WAIT sockets; CPU time is cpu.stat of client, proxy and server.
`

export function trafficTable(report: Report): string {
  const groups = new Map<string, TrafficResult[]>()
  for (const result of report.traffic) {
    const title = `${TITLES[result.mode]}, ${result.concurrency === 1 ? 'one at a time' : `${result.concurrency} at once`}`
    groups.set(title, [...(groups.get(title) ?? []), result])
  }
  const head = ['', 'rate/s', 'of direct', 'spread', 'p50 us', 'direct/own', 'CPU us', 'added us', 'spread', 'failed']
  const tables = [...groups].map(
    ([title, results]) => `${title} (${report.rounds} rounds of ${results[0]?.requests})\n${table([head, ...results.map(row)])}`,
  )
  return `${METHOD}\n${tables.join('\n')}`
}

function row(result: TrafficResult): string[] {
  const bytes = result.mode === 'bytes'
  return [
    result.contestant,
    bytes ? `${number(result.rate.median, 0)} MB` : number(result.rate.median, 0),
    number(result.rateRatio.median, 3),
    quartiles(result.rateRatio, 3),
    number(result.latency.median, 1),
    number(result.latencyRatio.median, 3),
    number(result.cpu.median, 1),
    number(result.addedCpu.median, 2),
    quartiles(result.addedCpu, 2),
    `${result.failed}`,
  ]
}

export function compileTable(report: Report): string {
  const rows = report.compile.map((one) => [
    `${one.services} / ${one.endpoints}`,
    number(one.seconds.median, 2),
    quartiles(one.seconds, 2),
    number(one.peakMiB.median, 0),
    number(one.artifactBytes / 1e6, 2),
  ])
  return `compile, object cache warm\n${table([['services / endpoints', 'seconds', 'spread', 'peak MiB', 'artifact MB'], ...rows])}`
}

export function applyTable(report: Report): string {
  const rows = report.apply.map((one) => [
    `${one.services} / ${one.endpoints}`,
    `${one.entries}`,
    number(one.entriesPerSecond.median, 0),
    quartiles(one.entriesPerSecond, 0),
    number(one.programsSeconds.median, 3),
    number(one.seconds.median, 2),
    number(one.kernelBytesPerEndpoint, 0),
  ])
  const head = ['services / endpoints', 'entries', 'entries/s', 'spread', 'programs s', 'whole s', 'kernel bytes/endpoint']
  return `apply (entries: endpoints and listener keys; time: making and filling maps)\n${table([head, ...rows])}`
}

export function largeTable(report: Report): string {
  const rows = report.large.map((one) => [
    `${one.shape}, ${one.form}`,
    number(one.bytes / 1e6, 1),
    number(one.seconds.median, 2),
    number(one.cpuSeconds.median, 2),
    number(one.peakMiB.median, 0),
    number(one.mostMiB, 0),
  ])
  return `check of large snapshots\n${table([['what there is much of, form', 'MB', 'seconds', 'CPU seconds', 'peak MiB', 'may be'], ...rows])}`
}

/** Columns to the width of their widest cell; the first one to the left, the rest to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const pad = (cell: string, column: number): string => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))
  return rows.map((cells) => `  ${cells.map(pad).join('  ').trimEnd()}\n`).join('')
}

function quartiles(series: Series, digits: number): string {
  return `${number(series.p25, digits)}..${number(series.p75, digits)}`
}

function number(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
