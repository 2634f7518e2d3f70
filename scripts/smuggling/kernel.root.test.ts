/**
 * Request smuggling against the kernel and a real Envoy: nothing reaches an upstream through the programs that does not through Envoy, and nothing that a route denies. Four ways for each
 * case: servers that are observed on this node and servers elsewhere, each on a fresh connection and on one that the kernel has routed a request of.
 */
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { status } from '../../runtime/status.ts'
import { slowRequests } from '../judging/lanes.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { until } from '../kit/holder-world.ts'
import { start } from '../kit/process.ts'
import { type JsonObject, type RunningEnvoy, startEnvoy } from '../oracle/envoy.ts'
import { clusterResource, listenerResource } from '../routing/case-resources.ts'
import { askTarget, type Exchanged, outcomeOf } from './ask-target.ts'
import { type KernelInstance, startKernelInstance } from './kernel-instance.ts'
import { type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts'
import {
  isDenied,
  moreThan,
  type ReachedRequest,
  readCases,
  type SmugglingCase,
  type SmugglingOutcome,
  targetRoutes,
} from './smuggling-case.ts'

const HOST = '127.96.26.1'
const PORT = 26000
/** cases at once */
const WORKERS = 4
const WAYS = ['observed', 'observed, used', 'elsewhere', 'elsewhere, used'] as const
type Way = (typeof WAYS)[number]
const FIRST = 'GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n'
const TYPE = 'type.googleapis.com/envoy.config'

/** Of listeners and, a hundred more, their upstreams. */
const portOf = (worker: number, way: Way): number => PORT + worker * 10 + WAYS.indexOf(way)
const envoyOf = (worker: number): number => PORT + worker * 10 + 9
const numbers = Array.from({ length: WORKERS }, (_, index) => index)
const ports = numbers.flatMap((worker) => WAYS.map((way) => portOf(worker, way)))

const listener = (host: string, port: number): JsonObject => ({
  ...listenerResource(
    {
      id: 'kernel',
      requests: [],
      hcm: { delayed_close_timeout: '0.05s' },
      route_config: { ...targetRoutes(`up${port}`), name: `routes${port}` },
    },
    { host, port },
  ),
  name: `listener${port}`,
})
const cluster = (port: number): JsonObject => clusterResource(`up${port}`, port + 100)

interface Questions {
  ask<T>(question: object): Promise<T>
}

/** Lines to and from a process, told by their `id`. */
function questionsTo(child: ChildProcess): Questions {
  const waiting = new Map<number, (line: unknown) => void>()
  let last = 0
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    const answer = JSON.parse(line) as { readonly id: number }
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  return {
    ask: <T>(question: object) =>
      new Promise<T>((resolve) => {
        waiting.set(++last, resolve as (line: unknown) => void)
        child.stdin?.write(`${JSON.stringify({ id: last, ...question })}\n`)
      }),
  }
}

const cgroups = { clients: makeCgroup('kmh9-clients'), servers: makeCgroup('kmh9-servers') }
const scripts: (() => void)[] = []
function script(name: string, args: readonly string[], cgroup?: string): Questions {
  const loader = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).pathname
  const argv = [process.execPath, '--import', loader, new URL(name, import.meta.url).pathname, ...args]
  const child = start(argv, cgroup === undefined ? {} : { cgroup }, ['pipe', 'pipe', 'inherit'])
  scripts.push(undoAtExit(() => void child.kill('SIGKILL')))
  return questionsTo(child)
}

const portsOf = (kind: 'observed' | 'elsewhere'): readonly string[] =>
  numbers.flatMap((worker) => WAYS.filter((way) => way.startsWith(kind)).map((way) => String(portOf(worker, way) + 100)))
let kernel: KernelInstance
let envoy: RunningEnvoy
let client: Questions
let servers: { readonly observed: Questions; readonly elsewhere: Questions }
const envoyUpstreams: RecordingUpstream[] = []

test.before(async () => {
  client = script('./ask-client.ts', [], cgroups.clients.path)
  servers = {
    observed: script('./upstream-process.ts', portsOf('observed'), cgroups.servers.path),
    elsewhere: script('./upstream-process.ts', portsOf('elsewhere')),
  }
  for (const worker of numbers) envoyUpstreams.push(await startRecordingUpstream(envoyOf(worker) + 100))
  envoy = await startEnvoy({
    listeners: numbers.map((worker) => listener('127.0.0.1', envoyOf(worker))),
    clusters: numbers.map((worker) => cluster(envoyOf(worker))),
  })
  assert.equal(envoy.refused, [])
  kernel = await startKernelInstance({
    name: `kmh9-smuggling-${process.pid}`,
    governed: cgroups.clients.path,
    observe: [cgroups.servers.path],
    resources: [
      ...ports.map((port) => ({ '@type': `${TYPE}.listener.v3.Listener`, ...listener(HOST, port) })),
      ...ports.map((port) => ({ '@type': `${TYPE}.cluster.v3.Cluster`, ...cluster(port) })),
    ],
  })
  await Promise.all(ports.map(warm))
})

test.after(async () => {
  await kernel.stop()
  await envoy.stop()
  for (const upstream of envoyUpstreams) await upstream.stop()
  for (const end of scripts) end()
  cgroups.clients.remove()
  cgroups.servers.remove()
})

/** Until there are connections to the upstream for the kernel to take. */
async function warm(port: number): Promise<void> {
  const answers = async (): Promise<number> => (await askFirst(port)).text.match(/HTTP\/1\.1 200/g)?.length ?? 0
  await until(`${port} answers`, async () => (await answers()) === 1)
  await until(`${port} has a pool`, () =>
    status(kernel.name).clusters.some(({ name, connections }) => name === `up${port}` && connections > 0),
  )
}

const askFirst = (port: number): Promise<Exchanged> => client.ask<Exchanged>({ host: HOST, port, send: [FIRST] })

async function reachedAt(way: Way, port: number): Promise<readonly ReachedRequest[]> {
  const at = way.startsWith('observed') ? servers.observed : servers.elsewhere
  const { reached } = await at.ask<{ readonly reached: readonly ReachedRequest[] }>({ port: port + 100 })
  return reached.filter(({ path }) => path !== '/first')
}

async function askKernel(worker: number, way: Way, { send }: SmugglingCase): Promise<SmugglingOutcome> {
  const port = portOf(worker, way)
  await reachedAt(way, port)
  const exchanged = await client.ask<Exchanged>({ host: HOST, port, send, ...(way.endsWith('used') && { first: FIRST }) })
  return outcomeOf(exchanged, await reachedAt(way, port))
}

const askEnvoy = (worker: number, one: SmugglingCase): Promise<SmugglingOutcome> =>
  askTarget({ host: '127.0.0.1', port: envoyOf(worker), upstream: envoyUpstreams[worker] as RecordingUpstream }, one)

const isAnswered = ({ statuses, closed }: SmugglingOutcome): boolean => statuses.length > 0 || closed === 'by_target'

interface Judged {
  readonly problems: readonly string[]
  readonly reached: number
}

async function judge(worker: number, one: SmugglingCase): Promise<Judged> {
  const [asEnvoy, ...ours] = await Promise.all([askEnvoy(worker, one), ...WAYS.map((way) => askKernel(worker, way, one))])
  const problems = ours.flatMap((outcome, index) => {
    const more = moreThan(outcome.reached, asEnvoy.reached, one.harmless)
    return [
      ...(more.length > 0 ? [`reached through us alone: ${JSON.stringify(more)}, through Envoy ${JSON.stringify(asEnvoy.reached)}`] : []),
      ...(outcome.reached.some(isDenied) ? [`a denied request got through: ${JSON.stringify(outcome.reached)}`] : []),
      ...(isAnswered(asEnvoy) && !isAnswered(outcome) ? ['no answer and no end'] : []),
    ].map((problem) => `${one.id} (${WAYS[index]}): ${problem}`)
  })
  return { problems, reached: ours.reduce((sum, { reached }) => sum + reached.length, 0) }
}

test('the kernel is never more permissive than Envoy', async () => {
  const cases = [...readCases()]
  const before = slowRequests(kernel.name)
  const problems: string[] = []
  let reached = 0
  const work = async (worker: number): Promise<void> => {
    for (let one = cases.shift(); one !== undefined; one = cases.shift()) {
      const judged = await judge(worker, one)
      reached += judged.reached
      problems.push(...judged.problems)
    }
  }
  await Promise.all(numbers.map(work))
  assert.equal(problems, [])
  assert.ok(reached > 200, `${reached}: what is harmless does get through`)
  const taken = status(kernel.name).clusters.reduce((sum, { connections }) => sum + connections, 0)
  assert.ok(taken > 400, `${taken} requests were the kernel's`)
  assert.ok(slowRequests(kernel.name) - before > 300, 'what is ambiguous is not')
  await until('nothing is counted as live', () => status(kernel.name).clusters.every(({ active }) => active === 0))
})

test.run()
