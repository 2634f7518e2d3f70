/**
 * `scripts/judge l4 SNAPSHOT DIALS.jsonl`: what real connections meet under a snapshot; `scripts/judge http CASES.jsonl`: what real requests meet.
 * In: argv. Out: one JSON line for each dial or case, in order. Exit 0 done, 1 the snapshot, the dials or the cases cannot be used, 2 wrong usage.
 */
import { readFileSync } from 'node:fs'
import yargs from 'yargs'
import { readDials } from './judging/dials.ts'
import { judgeHttp } from './judging/http.ts'
import type { RecordedCase } from './judging/http-cases.ts'
import { judgeL4 } from './judging/l4.ts'
import { DEFAULT_SOURCE4, DEFAULT_SOURCE6 } from './kit/namespace.ts'

const HELP = `$0 l4 SNAPSHOT DIALS.jsonl
$0 http CASES.jsonl [--lane NAME]

l4: compiles SNAPSHOT (as many files as kmeshc takes go with --also) and applies it inside a closed network namespace, in which every endpoint
that it can choose really listens, TCP and UDP; then dials each line of DIALS.jsonl (- is standard input), one after the other.

Line:    {"id", "protocol": "tcp"|"udp", "address", "port", "count": 1, "socket": "v4"|"v6"}
         also "source": bind there first; "datagram": "connect"|"sendto" (UDP; connect)
Answer:  {"id", "reached": {"IP:PORT": n}, "failed": {"ECONNREFUSED": n}, "passed": n}
         reached: who answered; failed: the client's errno; passed: the connection was left alone

Dialled addresses listen too, so that a refusal is ours. Clients have one source address: ${DEFAULT_SOURCE4} or ${DEFAULT_SOURCE6},
and 127.0.0.1 or ::1 towards loopback addresses. Needs root. Nothing leaves the namespace, nothing stays behind.

http: compiles all cases of CASES.jsonl (- is standard input), each with a listener on a loopback address of its own, applies them, serves them, and sends
the requests of each over HTTP/1.1 from a governed cgroup to backends that say what they saw. Needs root.

Line:    {"id", "route_config", "requests": [{"method", "authority", "path", "headers": [[name, value]]}], "hcm"}
Answer:  {"id", "outcomes": [{"status", "details", "cluster", "upstream_path", "upstream_host", "upstream_headers", "location", "body", "response_headers", "lane"}]}
         and in the end {"lanes": {NAME: requests}}: direct, switched, user-space
         a case that kmeshc refuses: {"id", "outcomes": [], "refused": "error KM..."}, and exit 1 in the end; the others are judged all the same
         --lane user-space: the slow path alone, without the kernel`

async function main(): Promise<void> {
  const argv = await yargs(process.argv.slice(2))
    .scriptName('scripts/judge')
    .usage(HELP)
    .option('also', { type: 'string', array: true, default: [], describe: 'further input files' })
    .option('resolve', { type: 'string', requiresArg: true, describe: 'passed on to kmeshc compile' })
    .option('address', { type: 'string', array: true, default: [], describe: 'passed on to kmeshc compile' })
    .option('plaintext-to', { type: 'string', requiresArg: true, describe: 'passed on to kmeshc compile' })
    .option('diverted', { choices: ['refuse', 'pass'] as const, describe: 'passed on to kmesh-runtime apply' })
    .option('lane', { choices: ['auto', 'user-space'] as const, default: 'auto' as const, describe: 'http: which lane the requests take' })
    .option('first-port', { type: 'number', default: 23800, describe: 'http: first port of the backends on 127.0.0.1' })
    .demandCommand(
      2,
      3,
      'l4 SNAPSHOT DIALS.jsonl or http CASES.jsonl are needed',
      'l4 SNAPSHOT DIALS.jsonl or http CASES.jsonl are all that is taken',
    )
    .wrap(null)
    .strictOptions()
    .exitProcess(false)
    .fail((message, error) => usage(message ?? error.message))
    .parseAsync()
  if (argv.help === true || argv.version === true) return
  const [layer, ...files] = argv._.map(String)
  if (layer !== 'l4' && layer !== 'http') return usage(`"${layer}" is not a layer that can be judged: l4, http`)
  if (files.length !== (layer === 'l4' ? 2 : 1))
    return usage(layer === 'l4' ? 'l4 SNAPSHOT DIALS.jsonl are needed' : 'http CASES.jsonl are needed')
  if (process.getuid?.() !== 0) fail('needs root: it makes cgroups and network namespaces and loads programs')
  if (layer === 'http') {
    const cases = readCases(files[0] as string)
    process.exitCode = await judgeHttp({ cases, lane: argv.lane, firstPort: argv.firstPort }, (line) => process.stdout.write(`${line}\n`))
    return
  }
  const [snapshot, dialsFile] = files as [string, string]
  const read = readDials(textOf(dialsFile))
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

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    return fail(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function readCases(file: string): readonly RecordedCase[] {
  const lines = textOf(file).split('\n')
  return lines.flatMap((line, index): readonly RecordedCase[] => {
    if (line.trim() === '') return []
    try {
      const one = JSON.parse(line) as Partial<RecordedCase>
      if (typeof one.id === 'string' && typeof one.route_config === 'object' && Array.isArray(one.requests)) return [one as RecordedCase]
    } catch {
      // told below
    }
    return fail(`${file}:${index + 1}: no case: {"id", "route_config", "requests"} are needed`)
  })
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
