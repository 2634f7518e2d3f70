/**
 * `npm run bench:http`: what HTTP requests cost, against direct, nginx, haproxy and Envoy. In: argv. Out: a table; with --json a report
 * (proto/bench-http.schema.json), with --chart a picture of it. All traffic stays in closed network namespaces.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import yargs from 'yargs'
import { ROOT } from '../commands.ts'
import { chart } from './chart.ts'
import { CONTESTANTS, type HttpReport, MEASURES, type MeasureName, WORLDS } from './report.ts'
import { ROUTE_COUNTS, runRoutes } from './routes.ts'
import { routesTable, trafficTable } from './text.ts'
import { runTraffic } from './traffic.ts'
import { makeWorld } from './world.ts'

async function main(): Promise<void> {
  const argv = await yargs(process.argv.slice(2))
    .scriptName('npm run bench:http --')
    .usage(
      '$0 [--json FILE] [--chart FILE] [--quick] [--only NAME]...\n\nAbout fourteen minutes; three with --quick. Needs root, wrk and a quiet machine.',
    )
    .option('json', { type: 'string', requiresArg: true, describe: 'also write a report (proto/bench-http.schema.json)' })
    .option('chart', { type: 'string', requiresArg: true, describe: 'also write a picture (SVG)' })
    .option('from', { type: 'string', requiresArg: true, describe: 'measure nothing: tables and picture of this report' })
    .option('quick', { type: 'boolean', default: false, describe: 'two short rounds: a look, not a measurement' })
    .option('only', { choices: [...MEASURES, 'routes'] as const, array: true, describe: 'leave out the rest' })
    .option('worlds', { choices: WORLDS, array: true, default: [...WORLDS], describe: 'where the servers are' })
    .option('contestants', { choices: CONTESTANTS, array: true, default: [...CONTESTANTS], describe: 'only these; direct is always there' })
    .option('routes', { type: 'number', array: true, default: [...ROUTE_COUNTS], describe: 'numbers of routes' })
    .option('rounds', { type: 'number', describe: 'interleaved rounds (5; 2 with --quick)' })
    .option('seconds', { type: 'number', default: 1, describe: 'of a slice; wrk takes whole ones' })
    .strict()
    .parseAsync()
  if (argv.from === undefined && process.getuid?.() !== 0) {
    process.stderr.write('bench:http: needs root: it makes cgroups and network namespaces and loads programs\n')
    process.exit(1)
  }
  const progress = (text: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
  }
  const parts = argv.only ?? [...MEASURES, 'routes' as const]
  const rounds = { count: argv.rounds ?? (argv.quick ? 2 : 5), seconds: argv.seconds }
  const report = argv.from === undefined ? await measure() : (JSON.parse(readFileSync(argv.from, 'utf8')) as HttpReport)
  progress('')
  if (report.traffic.length > 0) process.stdout.write(`${trafficTable(report)}\n`)
  if (report.routes.length > 0) process.stdout.write(`${routesTable(report.routes)}\n`)
  for (const { name, why } of report.skipped) process.stdout.write(`left out: ${name}: ${why}\n`)
  if (argv.json !== undefined) writeFileSync(argv.json, `${JSON.stringify(checked(report), null, 2)}\n`)
  if (argv.chart !== undefined) writeFileSync(argv.chart, chart(checked(report)))

  async function measure(): Promise<HttpReport> {
    const load = loadavg()[0] as number
    const machine = { cpus: availableParallelism(), kernel: release(), node: process.version, load }
    let made: HttpReport = {
      schemaVersion: 1,
      machine,
      rounds: rounds.count,
      seconds: rounds.seconds,
      traffic: [],
      routes: [],
      skipped: [],
    }
    const measures = parts.filter((part): part is MeasureName => part !== 'routes')
    for (const name of measures.length > 0 ? argv.worlds : []) {
      progress(`${name}: servers, proxies, compile and apply`)
      const world = await makeWorld({ name, contestants: argv.contestants, routes: 0 })
      const traffic = await runTraffic(world, measures, rounds, progress)
      made = { ...made, traffic: [...made.traffic, ...traffic], skipped: [...made.skipped, ...world.skipped] }
      world.close()
    }
    if (!parts.includes('routes')) return made
    const { results, skipped } = await runRoutes(argv.routes, rounds, progress)
    return { ...made, routes: results, skipped: [...made.skipped, ...skipped] }
  }
}

/** The report, if it is what its schema says: a reader of the file may rely on it. */
function checked(report: HttpReport): HttpReport {
  const ajv = new Ajv({ allErrors: true })
  const schema = JSON.parse(readFileSync(join(ROOT, 'proto/bench-http.schema.json'), 'utf8')) as object
  if (!ajv.validate(schema, report)) throw new Error(`the report is not what proto/bench-http.schema.json says: ${ajv.errorsText()}`)
  return report
}

await main()
