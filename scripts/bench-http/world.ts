/**
 * Servers and everything that may stand before them. In: which world, which contestants; out: where each contestant's client dials and from which cgroup, and what
 * was left out, with the reason. Invariants: client, proxies, servers and the node process are in one cgroup tree, the holder in its own; `direct` and `control`
 * differ in nothing but their cgroup, so that what the two show apart is the error of the measurement; each contestant has given a right answer to every request
 * of the measures before the first clock starts.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compiled } from '../bench/tools.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Place, run, start } from '../kit/process.ts'
import { cgroupMicroseconds } from './busy-time.ts'
import { runLoad } from './client.ts'
import { type Servers, type Services, type Socket, snapshot } from './configs.ts'
import { type Falls, fallsOf } from './falls.ts'
import { type Kmesh, startKmesh } from './kmesh.ts'
import { makeNamespaces } from './namespaces.ts'
import { PROXIES, startProxy } from './proxies.ts'
import type { ContestantName, HttpReport, WorldName } from './report.ts'
import { type Request, SMALL } from './requests.ts'

export interface Contestant {
  readonly name: ContestantName
  readonly target: Socket
  /** where the client runs */
  readonly place: Place
}

export interface World {
  readonly name: WorldName
  readonly contestants: readonly Contestant[]
  readonly skipped: HttpReport['skipped']
  /** of kmesh, where it is a contestant that answers */
  readonly instance?: string
  /** for files of the clients */
  readonly folder: string
  /** CPU time of client, proxies, servers and holder so far, microseconds */
  ownMicroseconds(): number
  /** requests that kmesh left to user space so far */
  falls(): Falls
  /** Keeps all but the clients on these CPUs ("1", "0-1"). */
  pin(cpus: string): void
  close(): void
}

export interface WorldOptions {
  readonly name: WorldName
  readonly contestants: readonly ContestantName[]
  /** in the virtual host, besides the measured ones */
  readonly routes: number
}

const BACKEND = new URL('backend.c', import.meta.url)
const SERVICES: Services = { routed: { address: '127.96.0.1', port: 25080 }, single: { address: '127.96.0.2', port: 25080 } }
const PROXY_ADDRESS = '127.96.9.11'
const PROXY_PORT = { nginx: 25111, haproxy: 25112, envoy: 25113 } as const
export const ALL_CPUS = `0-${availableParallelism() - 1}`
const READY = 15_000

export async function makeWorld({ name, contestants: wanted, routes }: WorldOptions): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-bench-http-'))
  const closing = [undoAtExit(() => rmSync(folder, { recursive: true, force: true }))]
  const namespaces = await makeNamespaces(name)
  closing.push(namespaces.close)
  const cgroup = makeCgroup('kmesh-bench-http')
  closing.push(cgroup.remove)
  const at = (child: string): Required<Pick<Place, 'namespace' | 'cgroup'>> => ({
    namespace: namespaces.clients,
    cgroup: cgroup.child(child),
  })
  const [plain, control, governed, proxies] = [at('plain'), at('control'), at('governed'), at('proxies')]
  const serving: Place = { namespace: namespaces.servers, cgroup: cgroup.child('servers') }
  // in this process's own namespace, as on a real node
  const runtime: Place = { cgroup: cgroup.child('runtime') }
  const pinned = [proxies.cgroup, serving.cgroup as string, runtime.cgroup as string]
  const skipped: { name: string; why: string }[] = []
  const contestants: Contestant[] = []

  const server = (port: number): Socket => ({ address: namespaces.address, port })
  const servers: Servers = { a: server(25101), b: server(25102), c: server(25103), any: server(25104) }
  const names = Object.entries(servers).map(([key, { port }]) => `${key}=${port}`)
  start([compiled(BACKEND), namespaces.address, ...names], serving, ['ignore', 'ignore', 'inherit'])
  const direct: Contestant = { name: 'direct', target: servers.any, place: plain }
  await waitFor(folder, direct)
  contestants.push(direct)
  if (wanted.includes('control')) contestants.push({ ...direct, name: 'control', place: control })

  let kmesh: Kmesh | undefined
  const routed: Contestant = { name: 'kmesh', target: SERVICES.routed, place: governed }
  const single: Contestant = { name: 'kmesh-single', target: SERVICES.single, place: governed }
  const ours = [routed, single].filter((one) => wanted.includes(one.name))
  if (ours.length > 0) {
    try {
      kmesh = await startKmesh({
        folder,
        name: `${name}-${routes}`,
        snapshot: snapshot(SERVICES, servers, routes),
        governed,
        runtime,
        observe: name === 'node' ? [serving.cgroup as string] : [],
        answers: () => ours.every((one) => complaint(folder, one, SMALL) === undefined),
      })
      closing.push(kmesh.close)
      pinned.push(kmesh.holder)
      contestants.push(...ours)
    } catch (error) {
      for (const one of ours) skipped.push({ name: `${one.name} (${name})`, why: firstLine(error) })
    }
  }
  for (const proxy of PROXIES.filter((one) => wanted.includes(one))) {
    const contestant = { name: proxy, target: { address: PROXY_ADDRESS, port: PROXY_PORT[proxy] }, place: plain }
    const started = startProxy(proxy, contestant.target, servers, folder, proxies)
    if (started.kind === 'missing') {
      skipped.push({ name: `${proxy} (${name})`, why: started.why })
      continue
    }
    await waitFor(folder, contestant)
    contestants.push(contestant)
  }

  const close = (): void => {
    for (const undo of [...closing].reverse()) undo()
  }
  return {
    name,
    contestants,
    skipped,
    ...(kmesh !== undefined && { instance: kmesh.instance }),
    folder,
    ownMicroseconds: () => cgroupMicroseconds(cgroup.path) + (kmesh === undefined ? 0 : cgroupMicroseconds(kmesh.holder)),
    falls: () => (kmesh === undefined ? {} : fallsOf(kmesh.instance)),
    pin: (cpus) => pinAll(pinned, cpus),
    close,
  }
}

/** What is wrong with the answers to these requests; undefined when each was answered by the server it names. */
export function complaint(folder: string, { target, place }: Contestant, requests: readonly Request[]): string | undefined {
  const load = { client: 'dial', mode: 'keepalive', connections: 1, requests } as const
  const { requests: answered, failed } = runLoad(folder, target, place, load, 0.02)
  if (answered < requests.length) return `${answered} answers to ${requests.length} different requests`
  return failed > 0 ? `${failed} of ${answered + failed} requests failed` : undefined
}

async function waitFor(folder: string, contestant: Contestant): Promise<void> {
  for (const deadline = Date.now() + READY; ; await sleep(50)) {
    const wrong = complaint(folder, contestant, SMALL)
    if (wrong === undefined) return
    if (Date.now() > deadline) throw new Error(`${contestant.name}: ${wrong}`)
  }
}

function pinAll(cgroups: readonly string[], cpus: string): void {
  const pids = cgroups.flatMap((path) =>
    readFileSync(join(path, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter((pid) => pid !== ''),
  )
  // one that has just ended is no failure
  run(['sh', '-c', 'for pid; do taskset -a -p -c "$CPUS" "$pid" || test ! -d "/proc/$pid"; done'.replace('$CPUS', cpus), 'sh', ...pids])
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n').slice(0, 3).join(' | ').slice(0, 400)
}
