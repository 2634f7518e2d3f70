/**
 * What a file of the user's own does with real requests. In: its artifact and its files. Out: a table: for each route a request, who answered, and its lane. It all happens in a
 * closed network namespace: the addresses of the snapshot exist only there. Invariant: namespace, instance and processes are gone afterwards.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { readInput } from '../../compiler/input/read.ts'
import { readSources } from '../../compiler/sources.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { status } from '../../runtime/status.ts'
import { command, detachIfThere, ROOT } from '../commands.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { type Place, run, start } from '../kit/process.ts'
import { startServing } from '../kit/serving.ts'
import { endpointsOf } from '../judging/places.ts'
import { type Answer, ask } from './ask.ts'
import { laneText, readLanes, since } from './lane-counts.ts'
import { type OwnRequest, ownRequests } from './own-requests.ts'
import { promise } from './promises.ts'
import { dim, say, shown, step, table } from './screen.ts'

const MOST_ROUTES = 30
const MOST_SERVERS = 2000
/** Requests for a route whose choice is drawn, and for another one. */
const TIMES = { drawn: 40, sure: 2 } as const
/** Milliseconds until a service accepts. */
const READY = 10_000

export async function driveOwn(artifact: Artifact, file: string, inputs: readonly string[], instance: string): Promise<void> {
  const diag = createDiagnostics()
  const { resources } = readInput(readSources(inputs, diag), diag)
  const all = ownRequests(resources, artifact.names)
  const requests = all.slice(0, MOST_ROUTES)
  if (requests.length === 0) {
    say('\nNothing is sent: it has no HTTP route that a client on this node can ask for.')
    return
  }
  step(
    `Your own ${inputs.length === 1 ? 'file' : 'files'} with real requests, in a closed network namespace where all its endpoints listen`,
  )
  const endpoints = endpointsOf(artifact.tables)
  const places = [...endpoints.slice(0, MOST_SERVERS), ...requests.map(({ address, port }) => ({ address, port }))]
  const namespace = await makeNamespace({
    addresses: places.map(({ address }) => address).filter((address) => !address.startsWith('127.') && address !== '::1'),
  })
  const cgroup = makeCgroup('kmesh-demo')
  const clients: Place = { namespace: namespace.path, cgroup: cgroup.path }
  const detach = undoAtExit(() => detachIfThere(instance))
  run([...command('kmesh-runtime'), 'apply', file, '--instance', instance, '--cgroup', cgroup.path], { namespace: namespace.path })
  shown(`kmesh-runtime apply ${file} --instance ${instance} --cgroup ${cgroup.path}`)
  const stopServers = await serveAt(namespace.path, places)
  // a process of the namespace, by which the node process learns of it
  start(['sleep', 'infinity'], clients, 'ignore')
  const serving = await startServing(instance)
  shown(`kmesh-runtime serve --instance ${instance} &`)
  await untilAccepted(clients, requests[0] as OwnRequest)

  const endpointsBy = clusterPlaces(instance)
  const rows: string[][] = [['request', 'answer', 'from', 'lane']]
  const wrong: string[] = []
  let count = 0
  for (const one of requests) {
    const times = one.clusters.length > 1 || one.replies.length > 1 ? TIMES.drawn : TIMES.sure
    // the first one makes connections to endpoints
    await ask(clients, one.place, one.request, 1)
    const before = readLanes(instance)
    const answers = await ask(clients, one.place, one.request, times)
    const lane = laneText(since(before, readLanes(instance)))
    count += answers.length
    rows.push([requestText(one), ...answersText(answers), lane])
    if (answers.length !== times || !answers.every((answer) => isForeseen(answer, one, endpointsBy))) wrong.push(requestText(one))
  }
  table(rows)
  if (all.length > requests.length) say(dim(`... and ${all.length - requests.length} more routes`))
  const verdict = wrong.length === 0 ? '' : `; not: ${wrong.slice(0, 3).join(', ')}`
  promise(
    `${count} requests of ${requests.length} routes went where the interpreter sends them${verdict}`,
    wrong.length === 0 ? 'yes' : 'no',
  )
  serving.end()
  detach()
  stopServers()
  cgroup.remove()
  namespace.remove()
}

async function serveAt(namespace: string, places: readonly { readonly address: string; readonly port: number }[]): Promise<() => void> {
  const loader = join(ROOT, 'node_modules/tsx/dist/loader.mjs')
  const argv = [process.execPath, '--import', loader, join(import.meta.dirname, 'place-server.ts')]
  const child = start(argv, { namespace }, ['pipe', 'pipe', 'inherit'])
  const stop = undoAtExit(() => child.kill('SIGKILL'))
  const wanted = new Map(places.map(({ address, port }) => [`${address} ${port}`, [address, port] as const]))
  child.stdin?.write(`${JSON.stringify([...wanted.values()])}\n`)
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    child.once('exit', (code) => reject(new Error(`the servers ended with ${code}`)))
  })
  child.removeAllListeners('exit')
  const failed = JSON.parse(line.slice('ready '.length)) as readonly string[]
  say(`${wanted.size - failed.length} servers listen${failed.length === 0 ? '' : `; not at ${failed.slice(0, 3).join(', ')}`}`)
  return stop
}

async function untilAccepted(clients: Place, { place, request }: OwnRequest): Promise<void> {
  for (const deadline = Date.now() + READY; Date.now() < deadline; await sleep(50)) {
    const [answer] = await ask(clients, place, request, 1)
    if (answer !== undefined && answer.exitCode === 0) return
  }
}

/** Endpoints by cluster, as the kernel holds them. */
function clusterPlaces(instance: string): ReadonlyMap<string, ReadonlySet<string>> {
  const { clusters } = status(instance)
  return new Map(clusters.map(({ name, endpoints }) => [name, new Set(endpoints.map(({ address }) => address))]))
}

/** A cluster without endpoints: 503, or the dialled place where that is what the cluster means (ORIGINAL_DST). */
function isForeseen(
  answer: Answer,
  { place, clusters, replies }: OwnRequest,
  endpoints: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  if (answer.server === '') {
    const isEmpty = clusters.some((name) => (endpoints.get(name)?.size ?? 0) === 0)
    return replies.includes(`${answer.status} ${answer.location}`) || (answer.status === 503 && isEmpty)
  }
  return clusters.some((name) => {
    const held = endpoints.get(name)
    return held === undefined || held.size === 0 ? answer.server === place : held.has(answer.server)
  })
}

function requestText({ request }: OwnRequest): string {
  const { method, authority, path, headers } = request
  return shortened(
    [...(method === 'GET' ? [] : [method]), `${authority}${path}`, ...headers.map(([name, value]) => `${name}: ${value}`)].join(' '),
  )
}

/** What they got and from whom, each with its count where it is not always the same. */
function answersText(answers: readonly Answer[]): readonly [answer: string, from: string] {
  const count = (texts: readonly string[]): string => {
    const counts = new Map<string, number>()
    for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
    const sorted = [...counts].sort(([, a], [, b]) => b - a)
    return sorted.length === 1 ? (sorted[0]?.[0] ?? '') : sorted.map(([text, number]) => `${number} ${text}`).join(', ')
  }
  return [
    count(answers.map(({ status: code, location }) => `${code}${location === '' ? '' : ` ${location}`}`)),
    count(answers.map(({ server }) => (server === '' ? '-' : server))),
  ]
}

const WIDTH = 60

function shortened(text: string): string {
  return text.length > WIDTH ? `${text.slice(0, WIDTH - 3)}...` : text
}
