/**
 * `npm run fuzz:input -- --cases N --seed S [--corpus DIR]... [--keep DIR]`: mutated snapshots before the front end. Exit 0: nothing was thrown, nothing hung, everything that
 * was found has a code. Exit 1: each case that breaks this is printed, and written with --keep. The same seed and corpus draw the same cases.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import yargs from 'yargs'
import { envoySchema } from '../compiler/input/schema.ts'
import { FIXTURES } from './golden/fixture.ts'
import { readCorpus } from './mutate/corpus.ts'
import { drawCase } from './mutate/draw-case.ts'
import { execute } from './mutate/execute.ts'
import { createWatchdog } from './mutate/watchdog.ts'

const HANG_MS = 60_000

const argv = await yargs(process.argv.slice(2))
  .scriptName('fuzz:input')
  .usage('$0 [--cases N] [--seed S] [--first I] [--corpus DIR]... [--keep DIR]')
  .option('cases', { type: 'number', default: 10_000, describe: 'how many' })
  .option('seed', { type: 'number', default: Date.now() % 1_000_000, describe: 'which' })
  .option('first', { type: 'number', default: 0, describe: 'number of the first one' })
  .option('corpus', { type: 'string', array: true, default: [] as string[], describe: 'directories of snapshots, besides the fixtures' })
  .option('keep', { type: 'string', requiresArg: true, describe: 'write what breaks into this directory' })
  .check(({ cases, first }) => (cases > 0 && first >= 0) || '--cases takes a number above 0, --first one from 0')
  .strict()
  .version(false)
  .parseAsync()

const { cases, seed, first, keep } = argv
const schema = envoySchema()
const corpus = readCorpus([FIXTURES, ...argv.corpus])
const watchdog = createWatchdog(HANG_MS)
const started = Date.now()
let broken = 0
for (let number = first; number < first + cases; number++) {
  watchdog.begin(number)
  const source = drawCase(corpus, schema, seed, number)
  const wrong = execute(source)
  if (process.stderr.isTTY && number % 100 === 0) process.stderr.write(`\r${number - first} of ${cases} `)
  if (wrong.length === 0) continue
  broken++
  console.log(`case ${number} (seed ${seed}):`)
  for (const line of wrong) console.log(`  ${line}`)
  if (keep === undefined) continue
  mkdirSync(keep, { recursive: true })
  writeFileSync(join(keep, `seed-${seed}-case-${number}-${source.name.replace('-', 'stdin')}`), source.bytes)
}
await watchdog.end()
const seconds = Math.round((Date.now() - started) / 1000)
console.log(
  `seed ${seed}: ${cases} cases from ${corpus.resources.length} resources and ${corpus.files.length} files, ${seconds} s; ${broken} broken`,
)
process.exit(broken === 0 ? 0 : 1)
