/**
 * Where the traffic of the benchmark runs: a closed namespace, one cgroup tree, a server and the proxies in front of it.
 * In: nothing; out: contestants (where a client dials, and from which cgroup) and what was left out, with the reason.
 * Invariants: client, proxy and server are in one cgroup tree, whose cpu.stat is therefore the CPU time of the whole path; the server is in no
 * governed cgroup; `direct` and `control` differ in nothing but their cgroup, so that what the two show apart is the error of the measurement.
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
import { endpointsOf, envoyConfig, haproxyConfig, type Socket, snapshot } from './configs.ts'
import { tool } from './tools.ts'

/** control: direct once more. passed: from the governed cgroup to addresses that are nobody's service */
export type ContestantName = 'direct' | 'control' | 'passed' | 'kmesh' | 'envoy' | 'haproxy'

export interface Contestant {
  readonly name: ContestantName
  /** dialled in turn */
  readonly addresses: readonly string[]
  readonly port: number
  /** where the client runs */
  readonly place: Place
}

export interface World {
  readonly contestants: readonly Contestant[]
  readonly skipped: readonly { readonly name: string; readonly why: string }[]
  /** cpu.stat of what client, proxy and server have used so far */
  readonly cpuStat: string
  /** Keeps server and proxies on a CPU. */
  pin(cpu: string): void
  close(): void
}

/**
 * No TIME_WAIT sockets, which later connections would meet or not by chance; a congestion control without timers of its own for sending.
 */
const SETTINGS = ['tcp_max_tw_buckets=0', 'tcp_congestion_control=reno'] as const

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
  const control: Place = { namespace: namespace.path, cgroup: cgroup.child('control') }
  const governed: Place = { namespace: namespace.path, cgroup: cgroup.child('governed') }
  const servers: Place = { namespace: namespace.path, cgroup: cgroup.child('servers') }
  const skipped: { name: string; why: string }[] = []

  run(['sh', '-c', SETTINGS.map((setting) => setting.replace(/^([^=]+)=(.*)$/, 'echo $2 > /proc/sys/net/ipv4/$1')).join('; ')], plain)
  start([tool('serve'), '0.0.0.0', `${SERVER.port}`], servers, ['ignore', 'ignore', 'inherit'])
  await waitFor(SERVER, plain, cgroup.path)
  const direct = { addresses: endpointsOf(SERVER).map(({ address }) => address), port: SERVER.port }
  const contestants: Contestant[] = [
    { name: 'direct', ...direct, place: plain },
    { name: 'control', ...direct, place: control },
    { name: 'passed', ...direct, place: governed },
  ]

  closing.push(applySnapshot(folder, governed, namespace.path))
  await waitFor(SERVICE, governed, cgroup.path)
  contestants.push({ name: 'kmesh', addresses: [SERVICE.address], port: SERVICE.port, place: governed })

  const envoy = process.env.KMESH_ENVOY ?? join(ROOT, '.venv/bin/envoy')
  if (existsSync(envoy)) {
    writeFileSync(join(folder, 'envoy.json'), envoyConfig(ENVOY, SERVER))
    start([envoy, '-c', join(folder, 'envoy.json'), '--concurrency', '2', '-l', 'off', '--use-dynamic-base-id'], servers, 'ignore')
    await waitFor(ENVOY, plain, cgroup.path)
    contestants.push({ name: 'envoy', addresses: [ENVOY.address], port: ENVOY.port, place: plain })
  } else skipped.push({ name: 'envoy', why: '.venv/bin/envoy is not there (scripts/setup makes it)' })

  if (spawnSync('haproxy', ['-v']).status === 0) {
    writeFileSync(join(folder, 'haproxy.cfg'), haproxyConfig(HAPROXY, SERVER))
    start(['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')], servers, 'ignore')
    await waitFor(HAPROXY, plain, cgroup.path)
    contestants.push({ name: 'haproxy', addresses: [HAPROXY.address], port: HAPROXY.port, place: plain })
  } else skipped.push({ name: 'haproxy', why: 'haproxy is not installed' })

  const pin = (cpu: string): void => {
    for (const pid of readFileSync(join(servers.cgroup as string, 'cgroup.procs'), 'utf8')
      .trim()
      .split('\n'))
      run(['taskset', '-a', '-p', '-c', cpu, pid])
  }
  const close = (): void => {
    for (const undo of [...closing].reverse()) undo()
  }
  return { contestants, skipped, cpuStat: join(cgroup.path, 'cpu.stat'), pin, close }
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
async function waitFor(target: Socket, place: Place, cgroup: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; ) {
    try {
      const answer = JSON.parse(
        run([tool('load'), 'connect', target.address, `${target.port}`, '1', '0', '1', '0', join(cgroup, 'cpu.stat')], place),
      ) as { failed: number }
      if (answer.failed === 0) return
    } catch {
      // not listening yet
    }
    if (Date.now() > deadline) throw new Error(`nothing answers at ${target.address}:${target.port}`)
    await sleep(50)
  }
}
