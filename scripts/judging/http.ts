/**
 * Routing cases through the kernel. In: cases (scripts/routing/routing-case.ts), what else to tell kmeshc, a printer. Out: one JSON line a case with what its
 * client and its backends saw, then one with how many requests each lane took; an exit code.
 * Invariant: everything stays on loopback; instance, cgroup and processes are gone afterwards, also when interrupted (kit/cleanup.ts).
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Decision } from '../../compiler/http/model.ts'
import { readInput } from '../../compiler/input/read.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { createTracer } from '../../compiler/trace/tracer.ts'
import { command, detachIfThere, ROOT } from '../commands.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { start } from '../kit/process.ts'
import { type Serving, startServing } from '../kit/serving.ts'
import { startEchoUpstreams, type EchoUpstreams } from '../routing/echo-upstreams.ts'
import type { RawAnswer } from '../routing/raw-client.ts'
import type { RoutingRequest } from '../routing/routing-case.ts'
import { judgeSlow } from '../slow/judge-slow.ts'
import { type Address, addressOf, type CaseGroup, groupCases, type RecordedCase, snapshotOf } from './http-cases.ts'
import { type HttpOutcome, outcomeOf } from './http-outcome.ts'
import { openSlowCounter } from './lanes.ts'

export interface HttpJudgement {
  readonly cases: readonly RecordedCase[]
  /** user-space: the slow path alone, in this process; the kernel has no part in it */
  readonly lane: 'auto' | 'user-space'
  /** first port of the backends */
  readonly firstPort: number
}

export async function judgeHttp(judgement: HttpJudgement, print: (line: string) => void): Promise<number> {
  return judgement.lane === 'auto' ? judgeInKernel(judgement, print) : judgeInUserSpace(judgement, print)
}

async function judgeInUserSpace({ cases, firstPort }: HttpJudgement, print: (line: string) => void): Promise<number> {
  let requests = 0
  await judgeSlow(cases, firstPort, ({ id }, outcomes) => {
    requests += outcomes.length
    print(JSON.stringify({ id, outcomes }))
  })
  print(JSON.stringify({ lanes: { 'user-space': requests } }))
  return 0
}

async function judgeInKernel(judgement: HttpJudgement, print: (line: string) => void): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-judge-'))
  undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const cgroup = makeCgroup('kmesh-judge')
  const instance = `kmesh-judge-${process.pid}`
  undoAtExit(() => detachIfThere(instance))
  const lanes = new Map<string, number>()
  let serving: Serving | undefined
  let refused = 0
  const groups = [...groupCases(judgement.cases)]
  for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
    const upstreams = await startEchoUpstreams(group.clusters, judgement.firstPort)
    const snapshot = join(folder, 'snapshot.json')
    const artifact = join(folder, 'artifact.tar')
    const text = JSON.stringify(snapshotOf(group, upstreams.ports))
    writeFileSync(snapshot, text)
    const compiled = run([...command('kmeshc'), 'compile', snapshot, '-o', artifact])
    if (compiled.status !== 0) {
      await upstreams.close()
      const [only] = group.cases
      if (group.cases.length > 1) groups.unshift(...halves(group))
      else if (only !== undefined) {
        refused++
        print(JSON.stringify({ id: only.id, outcomes: [], refused: compiled.stderr.split('\n')[0] }))
      }
      continue
    }
    const applied = run([...command('kmesh-runtime'), 'apply', artifact, '--instance', instance, '--cgroup', cgroup.path])
    if (applied.status !== 0) {
      process.stderr.write(applied.stderr)
      return 1
    }
    serving ??= await startServing(instance)
    const routed = routedListeners(artifact)
    await judgeGroup(group, { instance, upstreams, cgroup: cgroup.path, lanes, routed, expect: interpreterOf(text) }, print)
    await upstreams.close()
  }
  print(JSON.stringify({ lanes: Object.fromEntries([...lanes].sort()) }))
  serving?.end()
  return refused === 0 ? 0 : 1
}

/** One case that is refused makes its whole group be refused; whose fault it is shows when the halves are tried. */
function halves(group: CaseGroup): readonly CaseGroup[] {
  const middle = Math.ceil(group.cases.length / 2)
  return [group.cases.slice(0, middle), group.cases.slice(middle)].flatMap(groupCases)
}

/** Names of listeners whose connections are routed request by request; those of the others go straight to an endpoint. */
function routedListeners(artifact: string): ReadonlySet<string> {
  const read = readArtifact(readFileSync(artifact))
  if (read.kind === 'invalid') throw new Error(read.error.message)
  return new Set(read.artifact.names.services.map(({ listener }) => listener))
}

function interpreterOf(snapshot: string): Bench['expect'] {
  const { resources } = readInput([{ name: 'snapshot.json', bytes: Buffer.from(snapshot) }], createDiagnostics())
  const tracer = createTracer(resources, () => {
    throw new Error('requests are decided without layer 4')
  })
  return (index, request) => tracer.atRoutes(`case-${index}`, { scheme: 'http', ...request })?.decision
}

interface Bench {
  readonly instance: string
  readonly cgroup: string
  readonly upstreams: EchoUpstreams
  /** the interpreter's word */
  readonly expect: (index: number, request: RoutingRequest) => Decision | undefined
  readonly lanes: Map<string, number>
  readonly routed: ReadonlySet<string>
}

async function judgeGroup(group: CaseGroup, bench: Bench, print: (line: string) => void): Promise<void> {
  const client = startClient(bench.cgroup)
  const slow = openSlowCounter(bench.instance)
  let before = slow.read()
  for (const [index, { id, requests }] of group.cases.entries()) {
    const outcomes: HttpOutcome[] = []
    for (const request of requests) {
      const answer = await client.ask(addressOf(index), request)
      const after = slow.read()
      const lane = after > before ? 'user-space' : bench.routed.has(`case-${index}`) ? 'switched' : 'direct'
      before = after
      bench.lanes.set(lane, (bench.lanes.get(lane) ?? 0) + 1)
      outcomes.push(outcomeOf(answer, bench.upstreams, lane, () => bench.expect(index, request)))
    }
    print(JSON.stringify({ id, outcomes }))
  }
  client.stop()
  slow.close()
}

interface Client {
  /** undefined: no connection, or no answer */
  ask(address: Address, request: RoutingRequest): Promise<RawAnswer | undefined>
  stop(): void
}

function startClient(cgroup: string): Client {
  const loader = join(ROOT, 'node_modules/tsx/dist/loader.mjs')
  const argv = [process.execPath, '--import', loader, join(ROOT, 'scripts/judging/http-client.ts')]
  const child = start(argv, { cgroup }, ['pipe', 'pipe', 'inherit'])
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('the client has no pipes')
  const lines: AsyncIterator<string> = (createInterface({ input: stdout }) as Interface)[Symbol.asyncIterator]()
  return {
    async ask({ host, port }, request) {
      stdin.write(`${JSON.stringify({ host, port, requests: [request] })}\n`)
      const { value, done } = await lines.next()
      if (done === true) throw new Error('the client has ended')
      const answers = JSON.parse(value) as readonly RawAnswer[] | { readonly error: string }
      const [answer] = Array.isArray(answers) ? (answers as readonly RawAnswer[]) : []
      return answer
    },
    stop: undoAtExit(() => child.kill('SIGKILL')),
  }
}

function run(argv: readonly string[]): { readonly status: number; readonly stderr: string } {
  const [file, ...rest] = argv as [string, ...string[]]
  const { status, stderr } = spawnSync(file, rest, { encoding: 'utf8', maxBuffer: 1 << 28 })
  return { status: status ?? 1, stderr }
}
