/**
 * `npm run fuzz:refusals -- --cases N --seed S [--data DIR]`: damaged configurations before the compiler and a real Envoy: refused or taken. Bases are the
 * fixtures and the files below DIR that both take. Exit 0: they agree on all. Exit 1: each disagreement is printed, and written with --keep. No root.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import yargs from 'yargs'
import { FIXTURES } from './golden/fixture.ts'
import { compareFiles, fuzzRefusals } from './oracle/fuzz-refusals.ts'

const { cases, seed, data, keep, whole } = await yargs(process.argv.slice(2))
  .scriptName('fuzz:refusals')
  .usage('$0 [--cases N] [--seed S] [--data DIR]')
  .option('cases', { type: 'number', default: 200, describe: 'how many' })
  .option('seed', { type: 'number', default: Date.now() % 1_000_000, describe: 'which' })
  .option('data', { type: 'string', requiresArg: true, describe: 'a directory of snapshots' })
  .option('keep', { type: 'string', requiresArg: true, describe: 'a file for the disagreements, as JSON Lines' })
  .option('whole', { type: 'boolean', default: false, describe: 'the undamaged files alone' })
  .check(({ cases }) => cases > 0 || 'at least one case')
  .strict()
  .version(false)
  .parseAsync()

const files = [FIXTURES, ...(data === undefined ? [] : [data])].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(json|ya?ml)$/.test(name))
    .sort()
    .map((name) => join(folder, name)),
)
const { counts, disagreements } = whole ? await compareFiles(files) : await fuzzRefusals(files, cases, seed)
for (const { file, what, verdict } of disagreements)
  console.log(
    `${verdict.kind}: ${file} ${what}\n  ours: ${verdict.ours.slice(0, 3).join(' | ') || 'taken'}\n  envoy: ${verdict.envoy ?? 'taken'}`,
  )
if (keep !== undefined) writeFileSync(keep, disagreements.map((one) => `${JSON.stringify(one)}\n`).join(''))
console.log(
  `seed ${seed}: ${Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')}`,
)
process.exit(disagreements.length === 0 ? 0 : 1)
