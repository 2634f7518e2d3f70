/**
 * `npm run fuzz:envoy -- --cases N --seed S`: random route configurations and requests at their boundaries before the interpreter and a real Envoy; with --l4
 * random clusters, also before the kernel (fuzz:l4). Exit 0: they agree on all of them. Exit 1: what they do not agree on is printed, made small for the first
 * few, and written with --keep as routing cases. The same seed draws the same cases.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import yargs from 'yargs'
import { type Disagreement, fuzzRouting, newTally } from './routing/fuzz-routing.ts'
import { minimise } from './routing/minimise.ts'
import { randomRoutingCase } from './routing/random-case.ts'
import { toRecorded } from './routing/recorded.ts'

if (process.argv.includes('--l4')) {
  process.argv.splice(process.argv.indexOf('--l4'), 1)
  await import('./fuzz-l4.ts')
}

const argv = await yargs(process.argv.slice(2))
  .scriptName('fuzz:envoy')
  .usage('$0 [--cases N] [--seed S] [--first I] [--small N] [--keep DIR] [--record FILE] [--port P] | --l4 ...')
  .option('cases', { type: 'number', default: 400, describe: 'how many configurations, 30 requests each' })
  .option('seed', { type: 'number', default: Date.now() % 1_000_000, describe: 'which' })
  .option('first', { type: 'number', default: 0, describe: 'number of the first one' })
  .option('small', { type: 'number', default: 3, describe: 'how many disagreements to make small' })
  .option('keep', { type: 'string', requiresArg: true, describe: 'write what they disagree about into this directory' })
  .option('record', {
    type: 'string',
    requiresArg: true,
    describe: 'append every case with what Envoy did to this file, a line of JSON each',
  })
  .option('port', { type: 'number', default: 21_000, describe: 'of the listeners; the upstreams take those behind it' })
  .check(({ cases, first }) => (cases > 0 && first >= 0 ? true : 'numbers of cases are positive'))
  .strict()
  .version(false)
  .parseAsync()

const AT_ONCE = 400
const { cases, seed, first, small, keep, record, port } = argv
const started = Date.now()
const tally = newTally()
const found: Disagreement[] = []
for (let at = first; at < first + cases; at += AT_ONCE) {
  const lines: string[] = []
  const batch = { seed, first: at, count: Math.min(AT_ONCE, first + cases - at), port }
  found.push(...(await fuzzRouting(batch, tally, (one, verdict) => lines.push(`${JSON.stringify(toRecorded(one, verdict))}\n`))))
  if (record !== undefined) appendFileSync(record, lines.join(''))
  if (process.stderr.isTTY) process.stderr.write(`\r${at - first} of ${cases} `)
}
if (keep !== undefined) mkdirSync(keep, { recursive: true })
for (const [index, { id, request, why }] of found.entries()) {
  console.log(`${id}${request === undefined ? '' : ` ${JSON.stringify(request)}`}`)
  for (const line of why) console.log(`  ${line}`)
  const one = randomRoutingCase(seed, Number(id.split('-')[1]))
  const kept = index < small ? await minimise(one, request, port) : { ...one, requests: request === undefined ? [] : [request] }
  if (index < small) console.log(`  small: ${JSON.stringify(kept)}`)
  if (keep !== undefined) writeFileSync(join(keep, `${id}-${index}.json`), `${JSON.stringify(kept, null, 2)}\n`)
}
const { refused, pairs, undecided, skipped } = tally
console.log(
  `seed ${seed}: ${tally.cases} configurations, ${refused} refused by both; ${pairs} pairs with a request, ${undecided} undecided ` +
    `(${((100 * undecided) / Math.max(1, pairs)).toFixed(2)} %), ${skipped} no request for Envoy's codec; ${found.length} disagreements, ` +
    `${Math.round((Date.now() - started) / 1000)} s`,
)
process.exit(found.length === 0 ? 0 : 1)
