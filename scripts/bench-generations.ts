/**
 * What generations cost inside a running runtime: `npm run bench:generations -- ARTIFACT [--rounds N]`. In: an artifact, best a large one; out: milliseconds of an apply of the same again, memory that it
 * adds, what each CPU more would add, of a rollback from the lock to the switch and to its end, and of deltas there and back (`--there FILE --back FILE`), as medians and 99th percentiles. The instance is one of its own, and goes away.
 * On a machine with other work `chrt -r 1` in front takes the waiting for a CPU out. Between an artifact and the deltas it does what `watch` does between two looks.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { openArtifact } from '../proto/artifact/open.ts'
import { MAPS } from '../proto/maps.ts'
import { apply } from '../runtime/apply.ts'
import { detach } from '../runtime/detach.ts'
import { history } from '../runtime/history.ts'
import { existingPins } from '../runtime/place.ts'
import { rollback } from '../runtime/rollback.ts'
import type { Delta } from '../proto/delta/format.ts'
import { openArtifactOrDelta } from '../proto/delta/read-file.ts'
import { CodedError } from '../runtime/coded-error.ts'
import { applyDelta } from '../runtime/delta/apply-delta.ts'
import { readyForDeltas } from '../runtime/delta/ready.ts'
import { undoAtExit } from './kit/cleanup.ts'
import { noMachine } from './kit/no-machine.ts'

const {
  _: given,
  rounds,
  there,
  back,
} = await yargs(hideBin(process.argv))
  .usage('bench:generations ARTIFACT')
  .option('rounds', { type: 'number', default: 1000, describe: 'rollbacks' })
  .option('there', { type: 'string', requiresArg: true, describe: 'a delta of the artifact' })
  .option('back', { type: 'string', requiresArg: true, describe: 'a delta that leads back to it' })
  .demandCommand(1, 1, 'give an artifact')
  .strict()
  .parseAsync()
/** Milliseconds between two deltas: more often than that nobody changes endpoints. */
const APART = 25
const instance = `bench-generations-${process.pid}`
undoAtExit(() => {
  if (existingPins(instance) !== null) detach(instance)
})
const opened = openArtifact(String(given[0]), undefined)
if (opened.kind === 'invalid') refuse(`${opened.error.code} ${opened.error.message}`)
const ways = there === undefined || back === undefined ? undefined : [there, back].map(readDelta)

/** Before anything is measured. */
function refuse(why: string): never {
  process.stderr.write(`bench:generations: ${why}\n`)
  process.exit(1)
}

function readDelta(path: string): Delta {
  const read = openArtifactOrDelta(path)
  return read.kind === 'delta'
    ? read.delta
    : refuse(read.kind === 'invalid' ? `${read.error.code} ${read.error.message}` : `${path} is no delta`)
}

const host = noMachine()
const applied = () => apply({ artifact: opened.artifact, instance, diverted: 'refuse', mode: 'apply', host })

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] as number
const shown = (values: readonly number[]): string =>
  `p50 ${quantile(values, 0.5).toFixed(3)} ms, p99 ${quantile(values, 0.99).toFixed(3)} ms`

const first = await applied()
const again = await applied()
const [live] = history(instance).generations
const tables = sum(Object.values(first.memory.tables))
process.stdout.write(
  `first apply ${first.times.total.toFixed(0)} ms; tables ${tables} bytes, ${first.memory.perEndpoint} bytes an endpoint with its state\n`,
)
process.stdout.write(
  `the same again ${again.times.total.toFixed(0)} ms; ${live?.memory.own} bytes more (${((100 * (live?.memory.own ?? 0)) / tables).toFixed(2)} % of its tables)\n`,
)
const eachCpu = sum(MAPS.filter(({ type }) => type === 'percpu_array').map(({ valueSize, maxEntries }) => valueSize * maxEntries))
process.stdout.write(
  `a CPU more: ${eachCpu} bytes an instance and none an endpoint, so ${first.memory.perEndpoint} bytes an endpoint on 64 CPUs as well\n`,
)
const switched: number[] = []
const whole: number[] = []
for (let round = 0; round < rounds; round++) {
  const [newest, before] = history(instance).generations.map(({ generation }) => generation) as [number, number]
  const { times } = rollback({ instance, host, to: round % 2 === 0 ? before : newest })
  switched.push(times.switch)
  whole.push(times.total)
}
process.stdout.write(`rollback, ${rounds} times: lock to switch ${shown(switched)}; to the end ${shown(whole)}\n`)
if (ways !== undefined) {
  readyForDeltas(instance)
  const changed: number[] = []
  const ended: number[] = []
  let renewed = 0
  for (let round = 0; round < rounds; round++) {
    const delta = ways[round % 2] as (typeof ways)[number]
    await sleep(APART)
    try {
      const { times } = await applyDelta({ delta, instance, host })
      changed.push(times.switch)
      ended.push(times.total)
    } catch (error) {
      // out of spare rows: the whole artifact makes room
      if (!(error instanceof CodedError)) throw error
      renewed++
      await applied()
      readyForDeltas(instance)
      if (round % 2 === 0) round--
    }
  }
  process.stdout.write(
    `delta, ${changed.length} times (${renewed} whole applies between): lock to switch ${shown(changed)}; to the end ${shown(ended)}\n`,
  )
}
detach(instance)
