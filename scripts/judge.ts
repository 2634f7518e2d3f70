/**
 * `scripts/judge l4 SNAPSHOT DIALS.jsonl`: what real connections meet under a snapshot.
 * In: argv. Out: one JSON line for each dial, in order. Exit 0 done, 1 the snapshot or the dials cannot be used, 2 wrong usage.
 */
import { readFileSync } from 'node:fs'
import yargs from 'yargs'
import { readDials } from './judging/dials.ts'
import { judgeL4 } from './judging/l4.ts'
import { DEFAULT_SOURCE4, DEFAULT_SOURCE6 } from './kit/namespace.ts'

const HELP = `$0 l4 SNAPSHOT DIALS.jsonl

Compiles SNAPSHOT (as many files as kmeshc takes go with --also) and applies it inside a closed network namespace, in which every endpoint
that it can choose really listens, TCP and UDP; then dials each line of DIALS.jsonl (- is standard input), one after the other.

Line:    {"id", "protocol": "tcp"|"udp", "address", "port", "count": 1, "socket": "v4"|"v6"}
         also "source": bind there first; "datagram": "connect"|"sendto" (UDP; connect)
Answer:  {"id", "reached": {"IP:PORT": n}, "failed": {"ECONNREFUSED": n}, "passed": n}
         reached: who answered; failed: the client's errno; passed: the connection was left alone

Dialled addresses listen too, so that a refusal is ours. Clients have one source address: ${DEFAULT_SOURCE4} or ${DEFAULT_SOURCE6},
and 127.0.0.1 or ::1 towards loopback addresses. Needs root. Nothing leaves the namespace, nothing stays behind.`

async function main(): Promise<void> {
  const argv = await yargs(process.argv.slice(2))
    .scriptName('scripts/judge')
    .usage(HELP)
    .option('also', { type: 'string', array: true, default: [], describe: 'further input files' })
    .option('resolve', { type: 'string', describe: 'passed on to kmeshc compile' })
    .option('address', { type: 'string', array: true, default: [], describe: 'passed on to kmeshc compile' })
    .option('plaintext-to', { type: 'string', describe: 'passed on to kmeshc compile' })
    .option('diverted', { choices: ['refuse', 'pass'] as const, describe: 'passed on to kmesh-runtime apply' })
    .demandCommand(3, 3, 'l4 SNAPSHOT DIALS.jsonl are needed', 'l4 SNAPSHOT DIALS.jsonl are all that is taken')
    .wrap(null)
    .strictOptions()
    .exitProcess(false)
    .fail((message, error) => usage(message ?? error.message))
    .parseAsync()
  if (argv.help === true || argv.version === true) return
  const [layer, snapshot, dialsFile] = argv._.map(String) as [string, string, string]
  if (layer !== 'l4') usage(`"${layer}" is not a layer that can be judged: l4`)
  if (process.getuid?.() !== 0) fail('needs root: it makes cgroups and network namespaces and loads programs')
  let text = ''
  try {
    text = readFileSync(dialsFile === '-' ? 0 : dialsFile, 'utf8')
  } catch (error) {
    fail(`cannot read ${dialsFile}: ${(error as NodeJS.ErrnoException).code}`)
  }
  const read = readDials(text)
  if (read.kind === 'wrong') return fail(`${dialsFile}:${read.line}: ${read.why}`)
  const compileOptions = [
    ...(argv.resolve === undefined ? [] : ['--resolve', argv.resolve]),
    ...argv.address.flatMap((address) => ['--address', address]),
    ...(argv.plaintextTo === undefined ? [] : [`--plaintext-to=${argv.plaintextTo}`]),
  ]
  const applyOptions = argv.diverted === undefined ? [] : [`--diverted=${argv.diverted}`]
  const inputs = [snapshot, ...argv.also]
  process.exitCode = await judgeL4({ inputs, dials: read.dials, compileOptions, applyOptions }, (line) => process.stdout.write(`${line}\n`))
}

function usage(message: string): never {
  process.stderr.write(`judge: ${message}\nscripts/judge --help says more\n`)
  process.exit(2)
}

function fail(message: string): never {
  process.stderr.write(`judge: ${message}\n`)
  process.exit(1)
}

await main()
