/**
 * `npm run fuzz:l4 -- --cases N --seed S`: random clusters before the interpreter, the kernel and a real Envoy. Exit 0: they agree on all of them. Exit 1: each
 * case on which they do not is printed, and written with --keep as a fixture (snapshot.json, probes.jsonl). Needs root. The same seed draws the same cases.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import yargs from 'yargs'
import { fuzz } from './probes/fuzz.ts'
import { MOST_CASES, randomCase } from './probes/random-case.ts'

const argv = await yargs(process.argv.slice(2))
  .scriptName('fuzz:l4')
  .usage('$0 [--cases N] [--seed S] [--first I] [--keep DIR]')
  .option('cases', { type: 'number', default: 100, describe: 'how many' })
  .option('seed', { type: 'number', default: Date.now() % 1_000_000, describe: 'which' })
  .option('first', { type: 'number', default: 0, describe: 'number of the first one' })
  .option('keep', { type: 'string', requiresArg: true, describe: 'write what is wrong into directories below this one' })
  .check(({ cases, first }) =>
    cases > 0 && first >= 0 && first + cases <= MOST_CASES ? true : `numbers of cases go from 0 to ${MOST_CASES - 1}`,
  )
  .strict()
  .version(false)
  .parseAsync()

const { cases, seed, first, keep } = argv
const started = Date.now()
const report = await fuzz({ seed, first, cases }, (done) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${cases} `)
})
const { judged, wrong } = report
for (const [name, lines] of wrong) {
  console.log(`${name} (seed ${seed}):`)
  for (const line of lines) console.log(`  ${line}`)
  const number = /^case-(\d+)$/.exec(name)?.[1]
  if (keep === undefined || number === undefined) continue
  const { resources, probes } = randomCase(seed, Number(number))
  const folder = join(keep, `${name}-seed-${seed}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'snapshot.json'), `${JSON.stringify(resources, null, 2)}\n`)
  writeFileSync(join(folder, 'probes.jsonl'), probes.map((probe) => `${JSON.stringify(probe)}\n`).join(''))
}
console.log(
  `seed ${seed}: ${judged.cases} cases, ${judged.probes} probes, ${judged.kernelDials} dials in the kernel, ${judged.envoyDials} through Envoy, ` +
    `${Math.round((Date.now() - started) / 1000)} s; ${wrong.size} cases disagree`,
)
process.exit(wrong.size === 0 ? 0 : 1)
