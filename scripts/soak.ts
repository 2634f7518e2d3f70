/**
 * `npm run soak:http -- --minutes N`: HTTP in the kernel for a while, with everything that clients, servers and operators do to it. In: argv. Out: what went wrong as it happens, a
 * report in the end (--json FILE keeps it); exit 0 nothing was wrong, 1 something was, 2 wrong usage.
 */
import { writeFileSync } from 'node:fs'
import yargs from 'yargs'
import { runSoak, type SoakReport } from './soak/run-soak.ts'
import { UPHEAVALS, type Upheaval } from './soak/upheavals.ts'

const HELP = `$0 [--minutes N] [--seed S]

Clients in two network namespaces ask servers on this node (observed) and elsewhere, IPv4 and IPv6, in every lane: kept, closed and pipelined connections, split heads, bodies and answers of
all sizes and framings, slow readers, upgrades, aborts, servers that die, restart or say too much. Meanwhile generations change and the node process leaves, is replaced and is killed.
Every answer is checked to the last byte. Needs root; everything stays in closed namespaces.`

async function main(): Promise<void> {
  const argv = await yargs(process.argv.slice(2))
    .scriptName('npm run soak:http --')
    .usage(HELP)
    .option('minutes', { type: 'number', default: 2 })
    .option('seed', { type: 'number', default: 1 })
    .option('rate', { type: 'number', default: 800, describe: 'turns a second, of all clients together' })
    .option('calm', { type: 'number', default: 7, describe: 'seconds between two upheavals' })
    .option('upheavals', {
      choices: UPHEAVALS,
      array: true,
      default: ['apply', 'leave', 'restart', 'apply', 'replace', 'apply', 'kill'] as Upheaval[],
    })
    .option('ways', { type: 'string', array: true, default: [], describe: 'only these ways of clients (scripts/soak/soak_client.py)' })
    .option('json', { type: 'string', requiresArg: true, describe: 'write the report to this file' })
    .wrap(null)
    .strict()
    .parseAsync()
  if (process.getuid?.() !== 0) {
    process.stderr.write('soak: needs root: it makes cgroups and network namespaces and loads programs\n')
    process.exit(1)
  }
  const report = await runSoak({
    name: `kmesh-soak-${process.pid}`,
    seconds: argv.minutes * 60,
    seed: argv.seed,
    rate: argv.rate,
    ways: argv.ways,
    upheavals: argv.upheavals,
    calm: argv.calm,
    tell: (line) => process.stdout.write(`${line}\n`),
  })
  if (argv.json !== undefined) writeFileSync(argv.json, `${JSON.stringify(report, null, 2)}\n`)
  process.stdout.write(textOf(report))
  process.exitCode = report.faults.length === 0 ? 0 : 1
}

function textOf({ seconds, done, turns, aborted, honest, upheavals, lanes, samples, faults }: SoakReport): string {
  const last = samples.at(-1)
  const most = Math.max(0, ...samples.map(({ node }) => node.memory))
  const counts = Object.entries(upheavals).map(([name, seconds]) => `${seconds.length} ${name} (at most ${Math.max(...seconds)} s)`)
  return [
    ...Object.entries(done).map(
      ([tag, ways]) =>
        `${tag}: ${Object.entries(ways)
          .map(([way, count]) => `${way} ${count}`)
          .join(', ')}`,
    ),
    `${turns} turns in ${seconds} s, ${aborted} aborted by clients, ${honest} failed where a server or a killed process did; ${lanes.kernel} requests in the kernel, ${lanes.userSpace} in user space`,
    `upheavals: ${counts.length > 0 ? counts.join(', ') : 'none'}; holder ${last?.holder.memory ?? 0} MiB and ${last?.holder.descriptors ?? 0} descriptors in the end, node process ${most} MiB at most`,
    faults.length === 0 ? 'nothing went wrong' : `${faults.length} faults`,
    '',
  ].join('\n')
}

await main()
