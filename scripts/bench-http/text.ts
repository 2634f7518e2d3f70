/** The report as tables for people. In: a report; out: text without colours, one line a row. Pure. */
import { table } from '../bench/text.ts'
import type { Series } from '../bench/report.ts'
import { MEASURE } from './measures.ts'
import type { HttpReport, HttpResult, RoutesResult, WorldName } from './report.ts'

const WORLD_TITLE: Readonly<Record<WorldName, string>> = {
  node: 'servers on the same node',
  other: 'servers on another node (a second namespace over veth)',
}

/** How the figures were made; printed above them. */
const METHOD = `HTTP/1.1, method + prefix + header routing over three clusters; an answer of the wrong server counts as failed. Client, proxy and servers share the machine.
Medians of interleaved rounds in changing order; ratios and differences are taken within a round. control is direct again: how far it is from direct is the error.
CPU us: of the whole machine for one request, kernel threads included, idle machine subtracted; own us: of client, proxy and servers alone (cpu.stat).
user space: requests that the kernel left to it, by reason.
`
const HEAD = ['', 'req/s', 'of direct', 'spread', 'p50 us', 'added', 'p99 us', 'CPU us', 'of direct', 'own us', 'failed', 'user space']

export function trafficTable(report: HttpReport): string {
  const groups = new Map<string, HttpResult[]>()
  for (const result of report.traffic) {
    const title = `${MEASURE[result.measure].title}; ${WORLD_TITLE[result.world]}`
    groups.set(title, [...(groups.get(title) ?? []), result])
  }
  const tables = [...groups].map(([title, results]) => `${title}\n${table([HEAD, ...results.map(row)])}`)
  const { cpus, load } = report.machine
  const busy = load > cpus ? `The machine was busy (load ${load.toFixed(1)} on ${cpus} CPUs): the figures say little.\n` : ''
  return `${METHOD}${report.rounds} rounds of ${report.seconds} s. ${busy}\n${tables.join('\n')}`
}

function row(result: HttpResult): string[] {
  return [
    result.contestant,
    number(result.rate.median, 0),
    number(result.rateRatio.median, 3),
    quartiles(result.rateRatio),
    number(result.p50.median, 1),
    number(result.addedP50.median, 1),
    number(result.p99.median, 0),
    number(result.cpu.median, 1),
    number(result.cpuRatio.median, 2),
    number(result.ownCpu.median, 1),
    `${result.failed}`,
    fallsText(result.falls),
  ]
}

export function routesTable(routes: readonly RoutesResult[]): string {
  const rows = routes.map((one) => [
    `${one.routes}`,
    number(one.rate.median, 0),
    number(one.p50.median, 1),
    number(one.cpu.median, 1),
    one.programs.map(({ name, nanoseconds, runs }) => `${name} ${nanoseconds.toFixed(0)} ns x ${runs}`).join(', '),
    `${one.failed}`,
    fallsText(one.falls),
  ])
  return `routes in the virtual host; keep-alive, 16 connections\n${table([['', 'req/s', 'p50 us', 'CPU us', 'programs', 'failed', 'user space'], ...rows])}`
}

function fallsText(falls: HttpResult['falls']): string {
  return Object.entries(falls)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function quartiles(series: Series): string {
  return `${number(series.p25, 2)}..${number(series.p75, 2)}`
}

function number(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
