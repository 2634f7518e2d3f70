/**
 * `npm run stress -- --minutes N --seed S`: changes of what is in force under load, and the death of who makes them. In: argv. Out: a report (--json FILE keeps it); exit 0 nothing was wrong, 1 something was, 2 wrong usage.
 */
import { writeFileSync } from 'node:fs'
import yargs from 'yargs'
import { runChanges } from './stress/run-changes.ts'

const argv = await yargs(process.argv.slice(2))
  .scriptName('npm run stress --')
  .usage(
    '$0 [--minutes N] [--switches N] [--seed S]\n\nWhole applies, deltas, rollbacks and SIGKILLs of the runtime at random, while threads ask the kernel for decisions and clients connect. Each decision says which generation it was made of. Needs root; everything stays in a closed namespace.',
  )
  .option('minutes', { type: 'number', default: 2 })
  .option('switches', { type: 'number', default: 1_000_000, describe: 'ends after so many, if the time is not over before' })
  .option('seed', { type: 'number', default: 1 })
  .option('kills', { type: 'number', default: 0.2, describe: 'share of changes whose process is killed' })
  .option('threads', { type: 'number', default: 1, describe: 'that ask for decisions' })
  .option('json', { type: 'string', requiresArg: true, describe: 'write the report to this file' })
  .wrap(null)
  .strict()
  .parseAsync()
if (process.getuid?.() !== 0) {
  process.stderr.write('stress: needs root: it makes cgroups and network namespaces and loads programs\n')
  process.exit(1)
}
const report = await runChanges({
  seed: argv.seed,
  seconds: argv.minutes * 60,
  switches: argv.switches,
  kills: argv.kills,
  threads: argv.threads,
  tell: (line) => process.stdout.write(`${line}\n`),
})
if (argv.json !== undefined) writeFileSync(argv.json, `${JSON.stringify(report, null, 2)}\n`)
const { seconds, switches, done, decisions, connections, seen, wrong } = report
process.stdout.write(
  [
    `seed ${argv.seed}, ${seconds} s: ${switches} switches by ${done.apply} applies, ${done.delta} deltas and ${done.rollback} rollbacks, of which ${done.killed} were killed`,
    `${decisions} decisions and ${connections} connections, which saw ${seen} switches: ${wrong.length === 0 ? 'nothing was wrong' : `${wrong.length} wrong`}`,
    ...wrong.slice(0, 20),
    '',
  ].join('\n'),
)
process.exitCode = wrong.length === 0 ? 0 : 1
