/**
 * The soak's place: namespaces, servers, an instance of the first stage that is served. In: a name for what is made. Out: where clients run, what can be done to the instance.
 * Invariant: all of it is gone after `end`, also when this process is interrupted.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openInstance, type OpenInstance } from '../../runtime/held-generation.ts'
import { status } from '../../runtime/status.ts'
import { command, detachIfThere } from '../commands.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Place, run, start } from '../kit/process.ts'
import { makeNamespaces } from './namespaces.ts'
import { OBSERVED, SERVERS, soakResources, type Stage } from './resources.ts'
import { takenRows } from './rows.ts'
import { startServers } from './servers.ts'
import { startUpheavals, type Upheavals } from './upheavals.ts'

export interface SoakWorld {
  /** of the instance */
  readonly name: string
  /** governed, one in each namespace of clients */
  readonly places: readonly Required<Pick<Place, 'namespace' | 'cgroup'>>[]
  readonly open: OpenInstance
  readonly upheavals: Upheavals
  /** What is still taken some time after all clients have gone, one line each. */
  settled(): Promise<readonly string[]>
  end(): Promise<void>
}

/** Milliseconds until everything has to be given back. */
const SETTLED = 15_000
/** Milliseconds in which the node process finds the namespaces. */
const FOUND = 1000

export async function makeSoakWorld(name: string): Promise<SoakWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-soak-'))
  const removeFolder = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const namespaces = await makeNamespaces()
  const [clients, observed, others] = ['clients', 'observed', 'servers'].map((kind) => makeCgroup(`${name}-${kind}`)) as [
    ReturnType<typeof makeCgroup>,
    ReturnType<typeof makeCgroup>,
    ReturnType<typeof makeCgroup>,
  ]
  const isObserved = (server: string): boolean => OBSERVED.some((service) => server.startsWith(`${service}-`))
  const isFrail = (server: string): boolean => server.includes('-frail/')
  const begin = (cgroup: typeof observed, wanted: (server: string) => boolean) =>
    startServers(
      SERVERS.filter((server) => wanted(server.name)),
      { namespace: namespaces.servers, cgroup: cgroup.path },
    )
  const steady = [
    await begin(observed, (server) => isObserved(server) && !isFrail(server)),
    await begin(others, (server) => !isObserved(server) && !isFrail(server)),
  ]
  const frail = [
    await begin(observed, (server) => isObserved(server) && isFrail(server)),
    await begin(others, (server) => !isObserved(server) && isFrail(server)),
  ]
  const artifacts = { first: compiled(folder, 'first'), second: compiled(folder, 'second') }
  const detach = undoAtExit(() => detachIfThere(name))
  run([...command('kmesh-runtime'), 'apply', artifacts.first, '--instance', name, '--cgroup', clients.path])
  const places = namespaces.clients.map((namespace) => ({ namespace, cgroup: clients.path }))
  // governed processes, by which the node process learns of the namespaces before the first client
  const residents = places.map((place) => start(['sleep', 'infinity'], place, 'ignore'))
  const restart = async (): Promise<void> => void (await Promise.all(frail.map((one) => one.restart())))
  const upheavals = await startUpheavals({ instance: name, cgroup: clients.path, observe: [observed.path], artifacts, restart })
  await pause(FOUND)
  const open = openInstance(name)
  return {
    name,
    places,
    open,
    upheavals,
    settled: () => settled(name, open),
    async end() {
      open.tables.close()
      const last = upheavals.serving()
      last.end()
      await last.ended
      detach()
      for (const one of [...steady, ...frail]) one.stop()
      for (const one of residents) one.kill('SIGKILL')
      for (const one of [clients, observed, others]) one.remove()
      namespaces.close()
      removeFolder()
    },
  }
}

function compiled(folder: string, stage: Stage): string {
  const [snapshot, artifact] = [join(folder, `${stage}.json`), join(folder, `${stage}.tar`)]
  writeFileSync(snapshot, JSON.stringify({ resources: soakResources(stage) }))
  run([...command('kmeshc'), 'compile', snapshot, '-o', artifact])
  return artifact
}

async function settled(instance: string, open: OpenInstance): Promise<readonly string[]> {
  let left: string[] = []
  for (const deadline = Date.now() + SETTLED; Date.now() < deadline; await pause(100)) {
    const { clients, owned } = takenRows(open)
    left = status(instance).clusters.flatMap(({ name, active, endpoints }) => [
      ...(active > 0 ? [`cluster ${name} still counts ${active} as active`] : []),
      ...endpoints.filter((one) => one.active > 0).map((one) => `endpoint ${one.address} of ${name} still counts ${one.active} as active`),
    ])
    if (clients > 0) left.push(`${clients} rows of clients are still taken`)
    if (owned > 0) left.push(`${owned} upstreams still belong to clients`)
    if (left.length === 0) return []
  }
  return left
}
