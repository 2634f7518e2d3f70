/**
 * A place to try pitfalls in: a closed namespace, a governed cgroup, servers, the real compiler and the real runtime.
 * In: where servers listen; out: apply, sockets, and what the instance counts. Invariant: undone when the test ends, however it ends.
 *
 * The namespace has an interface whose packets vanish: a connection to an address behind it stays in SYN_SENT.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { compile } from '../../compiler/compile.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { openToolchain } from '../../compiler/emit/clang.ts'
import type { Program } from '../../compiler/ir/program.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { apply } from '../../runtime/apply.ts'
import type { ApplyHost, ApplyReport } from '../../runtime/apply-request.ts'
import { detach } from '../../runtime/detach.ts'
import { fillSources } from '../../runtime/fill-sources.ts'
import { existingPins } from '../../runtime/place.ts'
import { type StatusReport, status } from '../../runtime/status.ts'
import { type Backends, type Listen, startBackends } from '../kit/backend.ts'
import { makeCgroup, type TestCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Dialer, startDialer } from '../kit/dialer.ts'
import { makeNamespace, type Namespace } from '../kit/namespace.ts'
import { noMachine } from '../kit/no-machine.ts'
import { run } from '../kit/process.ts'
import { type SocketHolder, startSocketHolder } from '../kit/sockets.ts'
import { type PitfallService, serviceResources } from './services.ts'

export interface World {
  readonly namespace: Namespace
  readonly cgroup: TestCgroup
  readonly instance: string
  readonly place: { readonly namespace: string; readonly cgroup: string }
  apply(
    services: readonly PitfallService[],
    options?: { readonly host?: ApplyHost; readonly diverted?: 'refuse' | 'pass' },
  ): Promise<ApplyReport>
  status(): StatusReport
  /** Everything counted as live now, by cluster and by "cluster endpoint"; what has none is left out. */
  live(): Readonly<Record<string, number>>
  /** Waits until nothing is live and stays so; after two seconds, what still is. */
  settled(): Promise<Readonly<Record<string, number>>>
  /** More servers, later. */
  listen(listen: readonly Listen[]): Promise<Backends>
  dialer(): Dialer
  /** A process in the namespace, governed or not. */
  holder(where?: 'inside' | 'outside'): SocketHolder
  close(): void
}

/** Addresses that accept nothing and answer nothing. */
export const LOST = { v4: '10.66.0.1', v6: 'fd00:66::1' } as const

let counter = 0

export async function makeWorld(listen: readonly Listen[]): Promise<World> {
  const undo: (() => void)[] = []
  const keep = (one: () => void): void => void undo.push(one)
  const namespace = await makeNamespace({
    addresses: listen.map(({ address }) => address).filter((address) => !address.startsWith('127.')),
  })
  keep(namespace.remove)
  loseSome(namespace.path)
  const cgroup = makeCgroup('kmp')
  keep(cgroup.remove)
  const backends = await startBackends(listen, { namespace: namespace.path })
  keep(backends.stop)
  const instance = `kmp-${process.pid}-${counter++}`
  keep(undoAtExit(() => existingPins(instance) !== null && detach(instance)))
  const place = { namespace: namespace.path, cgroup: cgroup.path }
  const live = (): Readonly<Record<string, number>> => liveOf(status(instance))
  return {
    namespace,
    cgroup,
    instance,
    place,
    live,
    async apply(services, { host = noMachine({ fillSources }), diverted = 'refuse' } = {}) {
      const artifact = await artifactOf(services)
      return apply({ artifact, instance, cgroup: cgroup.path, diverted, mode: 'apply', host })
    },
    status: () => status(instance),
    async settled() {
      const deadline = Date.now() + 2000
      while (Object.keys(live()).length > 0 && Date.now() < deadline) await pause(10)
      await pause(30)
      return live()
    },
    async listen(more) {
      namespace.add(more.map(({ address }) => address))
      const servers = await startBackends(more, { namespace: namespace.path })
      keep(servers.stop)
      return servers
    },
    dialer() {
      const dialer = startDialer(place)
      keep(dialer.stop)
      return dialer
    },
    holder(where = 'inside') {
      const holder = startSocketHolder(where === 'inside' ? place : { namespace: namespace.path })
      keep(holder.stop)
      return holder
    },
    close() {
      for (const one of undo.splice(0).reverse()) one()
    },
  }
}

export function liveOf({ clusters }: StatusReport): Readonly<Record<string, number>> {
  const counts = clusters.flatMap(({ name, active, endpoints }) => [
    [name, active] as const,
    ...endpoints.map((endpoint) => [`${name} ${endpoint.address}`, endpoint.active] as const),
  ])
  return Object.fromEntries(counts.filter(([, active]) => active !== 0))
}

async function artifactOf(services: readonly PitfallService[]): Promise<Artifact> {
  return (await compiled(services)).artifact
}

/** What the compiler makes of services: the artifact, and what it means. */
export async function compiled(
  services: readonly PitfallService[],
): Promise<{ readonly artifact: Artifact; readonly bytes: Uint8Array; readonly program: Program }> {
  const diag = createDiagnostics()
  const snapshot = Buffer.from(JSON.stringify(services.flatMap(serviceResources)))
  const options = { version: '0.0.0', resolve: new Map(), addresses: [], plaintextTo: new Set<'istio'>(), strict: false }
  const result = await compile([{ name: 'pitfall.json', bytes: snapshot }], options, await openToolchain(), diag, () => undefined)
  if (result === undefined) throw new Error(JSON.stringify(diag.list))
  const { bytes } = result.packed
  const read = readArtifact(bytes)
  if (read.kind === 'invalid') throw new Error(read.error.message)
  return { artifact: read.artifact, bytes, program: result.analysis.program }
}

/** A pair of devices within the namespace: what one sends, the other meets, and nobody has the address. */
function loseSome(namespace: string): void {
  const lines = [
    'ip link add lost type veth peer name behind',
    'ip link set lost arp off up',
    'ip link set behind arp off up',
    `ip -4 route add ${LOST.v4} dev lost src 172.31.255.1`,
    `ip -6 route add ${LOST.v6} dev lost src fd6b:6d65:7368::1`,
  ]
  run(['sh', '-ec', lines.join('\n')], { namespace })
}
