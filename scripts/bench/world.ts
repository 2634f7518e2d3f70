/**
 * Where the traffic of the benchmark runs: a closed namespace, one cgroup tree, a server and the proxies in front of it.
 * In: the places that shall serve; out: contestants (where a client dials, and from which cgroup) and what was left out, with the reason.
 * Invariant: client, proxy and server are in one cgroup tree, whose cpu.stat is therefore the CPU time of the whole path.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT, command, detachIfThere } from '../commands.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { type Place, run, start } from '../kit/process.ts'
import { envoyConfig, haproxyConfig, snapshot } from './configs.ts'
import { tool } from './tools.ts'

export type ContestantName = 'direct' | 'kmesh' | 'envoy' | 'haproxy'

export interface Contestant {
  readonly name: ContestantName
  readonly address: string
  readonly port: number
  /** where the client runs */
  readonly place: Place
}

export interface World {
  readonly contestants: readonly Contestant[]
  readonly skipped: readonly { readonly name: string; readonly why: string }[]
  /** CPU time that client, proxy and server have used so far, microseconds */
  cpu(): number
  close(): void
}

export const SERVER = { address: '127.96.8.1', port: 27100 } as const
const SERVICE = { address: '127.96.0.1', port: 80 } as const
const ENVOY = { address: '127.96.8.101', port: 27101 } as const
const HAPROXY = { address: '127.96.8.102', port: 27102 } as const

export async function makeWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-bench-'))
  const closing = [undoAtExit(() => rmSync(folder, { recursive: true, force: true }))]
  const namespace = await makeNamespace({ addresses: [] })
  closing.push(namespace.remove)
  const cgroup = makeCgroup('kmesh-bench')
  closing.push(cgroup.remove)
  const plain: Place = { namespace: namespace.path, cgroup: cgroup.child('plain') }
  const governed: Place = { namespace: namespace.path, cgroup: cgroup.child('governed') }
  const servers: Place = { namespace: namespace.path, cgroup: cgroup.child('servers') }
  const skipped: { name: string; why: string }[] = []

  start([tool('serve'), '0.0.0.0', `${SERVER.port}`], servers, ['ignore', 'ignore', 'inherit'])
  await waitFor(SERVER, plain)
  const contestants: Contestant[] = [{ name: 'direct', ...SERVER, place: plain }]

  closing.push(applySnapshot(folder, governed, namespace.path))
  await waitFor(SERVICE, governed)
  contestants.push({ name: 'kmesh', ...SERVICE, place: governed })

  const envoy = process.env.KMESH_ENVOY ?? join(ROOT, '.venv/bin/envoy')
  if (existsSync(envoy)) {
    writeFileSync(join(folder, 'envoy.json'), envoyConfig(ENVOY, SERVER))
    start([envoy, '-c', join(folder, 'envoy.json'), '--concurrency', '2', '-l', 'off', '--use-dynamic-base-id'], servers, 'ignore')
    await waitFor(ENVOY, plain)
    contestants.push({ name: 'envoy', ...ENVOY, place: plain })
  } else skipped.push({ name: 'envoy', why: '.venv/bin/envoy is not there (scripts/setup makes it)' })

  if (spawnSync('haproxy', ['-v']).status === 0) {
    writeFileSync(join(folder, 'haproxy.cfg'), haproxyConfig(HAPROXY, SERVER))
    start(['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')], servers, 'ignore')
    await waitFor(HAPROXY, plain)
    contestants.push({ name: 'haproxy', ...HAPROXY, place: plain })
  } else skipped.push({ name: 'haproxy', why: 'haproxy is not installed' })

  const cpu = (): number => Number(/^usage_usec (\d+)/m.exec(readFileSync(join(cgroup.path, 'cpu.stat'), 'utf8'))?.[1])
  const close = (): void => {
    for (const undo of [...closing].reverse()) undo()
  }
  return { contestants, skipped, cpu, close }
}

/** Compiles and applies the benchmark's snapshot to the governed cgroup; returns what undoes it. */
function applySnapshot(folder: string, governed: Place, namespace: string): () => void {
  const instance = `kmesh-bench-${process.pid}`
  writeFileSync(join(folder, 'snapshot.json'), snapshot(SERVICE, SERVER))
  run([...command('kmeshc'), 'compile', join(folder, 'snapshot.json'), '-o', join(folder, 'artifact.tar')])
  const detach = undoAtExit(() => detachIfThere(instance))
  const apply = ['apply', join(folder, 'artifact.tar'), '--instance', instance, '--cgroup', governed.cgroup ?? '']
  run([...command('kmesh-runtime'), ...apply], { namespace })
  return detach
}

/** Until one request is answered; throws after ten seconds. */
async function waitFor(target: { readonly address: string; readonly port: number }, place: Place): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; ) {
    try {
      const answer = JSON.parse(run([tool('load'), 'connect', target.address, `${target.port}`, '1', '1'], place)) as { failed: number }
      if (answer.failed === 0) return
    } catch {
      // not listening yet
    }
    if (Date.now() > deadline) throw new Error(`nothing answers at ${target.address}:${target.port}`)
    await sleep(50)
  }
}
