/**
 * `npm run bench [-- --json FILE] [--quick] [--only NAME]`: what connections and applies cost, against direct, Envoy and haproxy, and reading a large snapshot.
 * In: argv. Out: a table, and with --json a report (proto/bench.schema.json). All traffic stays in a closed network namespace.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, release } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import yargs from 'yargs'
import { ROOT } from '../commands.ts'
import { largeInputs, runLarge } from './large.ts'
import type { Report } from './report.ts'
import { type Size, runTables } from './tables.ts'
import { applyTable, compileTable, largeTable, trafficTable } from './text.ts'
import { type Measure, measures, runTraffic } from './traffic.ts'
import { makeWorld } from './world.ts'

const PARTS = ['connect', 'keepalive', 'bytes', 'compile', 'check'] as const
const SIZES: readonly Size[] = [
  { services: 1000, endpoints: 10_000 },
  { services: 10_000, endpoints: 100_000 },
]

async function main(): Promise<void> {
  const argv = await yargs(process.argv.slice(2))
    .scriptName('npm run bench --')
    .usage('$0 [--json FILE] [--quick] [--only NAME]...\n\nAbout seven minutes; about one with --quick. Needs root.')
    .option('json', { type: 'string', requiresArg: true, describe: 'also write a report (proto/bench.schema.json)' })
    .option('quick', { type: 'boolean', default: false, describe: 'three short rounds: a look, not a measurement' })
    .option('only', {
      choices: PARTS,
      array: true,
      describe: 'leave out the rest; compile is compile and apply, check reads snapshots of 50 MB',
    })
    .option('contestants', { type: 'string', array: true, describe: 'only these; direct is always there' })
    .option('rounds', { type: 'number', describe: 'interleaved rounds (15; 3 with --quick)' })
    .strict()
    .parseAsync()
  if (process.getuid?.() !== 0) {
    process.stderr.write('bench: needs root: it makes cgroups and network namespaces and loads programs\n')
    process.exit(1)
  }
  const parts = argv.only ?? PARTS
  const rounds = argv.rounds ?? (argv.quick ? 3 : 15)
  const progress = (text: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
  }
  const chosen = measures(argv.quick ? 0.3 : 1)
    .filter(({ mode }) => parts.includes(mode))
    .map((measure) => reduced(measure, argv.contestants))
  let report: Report = {
    schemaVersion: 1,
    machine: { cpus: availableParallelism(), kernel: release(), node: process.version },
    rounds,
    traffic: [],
    compile: [],
    apply: [],
    large: [],
    skipped: [],
  }
  if (chosen.length > 0) {
    const world = await makeWorld()
    report = { ...report, traffic: runTraffic(world, chosen, rounds, progress), skipped: world.skipped }
    world.close()
    progress('')
    process.stdout.write(`${trafficTable(report)}\n`)
  }
  if (parts.includes('compile')) {
    for (const size of argv.quick ? SIZES.slice(0, 1) : SIZES) {
      const { compile, apply } = runTables(size, argv.quick ? 2 : 5, progress)
      report = { ...report, compile: [...report.compile, compile], apply: [...report.apply, apply] }
    }
    progress('')
    process.stdout.write(`${compileTable(report)}\n${applyTable(report)}\n`)
  }
  if (parts.includes('check')) {
    const large = largeInputs(argv.quick ? 'quick' : 'whole').map((input) => runLarge(input, argv.quick ? 1 : 3, progress))
    report = { ...report, large }
    progress('')
    process.stdout.write(`${largeTable(report)}\n`)
  }
  for (const { name, why } of report.skipped) process.stdout.write(`left out: ${name}: ${why}\n`)
  if (argv.json !== undefined) writeFileSync(argv.json, `${JSON.stringify(checked(report), null, 2)}\n`)
}

function reduced(measure: Measure, wanted: readonly string[] | undefined): Measure {
  if (wanted === undefined) return measure
  return { ...measure, contestants: measure.contestants.filter((name) => name === 'direct' || wanted.includes(name)) }
}

/** The report, if it is what its schema says: a reader of the file may rely on it. */
function checked(report: Report): Report {
  const ajv = new Ajv({ allErrors: true })
  const schema = JSON.parse(readFileSync(join(ROOT, 'proto/bench.schema.json'), 'utf8')) as object
  if (!ajv.validate(schema, report)) throw new Error(`the report is not what proto/bench.schema.json says: ${ajv.errorsText()}`)
  return report
}

await main()
