/**
 * The table of limits: `npm run limits [-- --json FILE] [--only SERVICES]`. In: argv; out: one Markdown row for each size, from 1,000 services with 10,000 endpoints to 100,000 with 1,000,000, and with --json all figures.
 */
import { writeFileSync } from 'node:fs'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { type LimitsRow, measureRow } from './measure.ts'

const SIZES = [
  [1_000, 10_000],
  [10_000, 100_000],
  [100_000, 1_000_000],
] as const
const COLUMNS = [
  'services / endpoints',
  'snapshot',
  'compile, cold',
  'peak memory',
  'artifact',
  'one endpoint again, warm',
  'apply',
  'kernel, per endpoint',
  'programs of a connect()',
]

const argv = await yargs(hideBin(process.argv))
  .scriptName('npm run limits --')
  .usage('$0 [--json FILE] [--only SERVICES]')
  .option('json', { type: 'string', requiresArg: true, describe: 'file for all figures' })
  .option('only', { choices: SIZES.map(([services]) => services), describe: 'one row alone' })
  .strict()
  .parseAsync()
const progress = (text: string): void => void (process.stderr.isTTY && process.stderr.write(`${text}\n`))
const line = (cells: readonly string[]): void => void process.stdout.write(`| ${cells.join(' | ')} |\n`)

const rows: LimitsRow[] = []
line(COLUMNS)
line(COLUMNS.map(() => '---'))
for (const [services, endpoints] of SIZES) {
  if (argv.only !== undefined && argv.only !== services) continue
  const row = await measureRow(services, endpoints, progress)
  rows.push(row)
  line(cellsOf(row))
}
if (argv.json !== undefined) writeFileSync(argv.json, `${JSON.stringify({ schemaVersion: 1, rows }, null, 2)}\n`)

function cellsOf(row: LimitsRow): readonly string[] {
  const { again } = row
  return [
    `${row.services.toLocaleString('en-US')} / ${row.endpoints.toLocaleString('en-US')}`,
    `${megabytes(row.snapshotBytes)}${row.files === 1 ? '' : ` in ${row.files} files`}`,
    `${row.compileSeconds.toFixed(1)} s`,
    `${row.peakMiB.toFixed(0)} MiB`,
    megabytes(row.artifactBytes),
    `${again.median.toFixed(0)} ms (at most ${again.most.toFixed(0)}), delta of ${(again.deltaBytes / 1000).toFixed(1)} KB`,
    `${row.applySeconds.toFixed(1)} s, of it maps ${row.mapsSeconds.toFixed(2)} s`,
    `${row.kernelBytesPerEndpoint.toFixed(0)} bytes`,
    `${row.lookupNanoseconds.toFixed(0)} ns`,
  ]
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
