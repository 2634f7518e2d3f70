/**
 * One judgement. In: input files, dials, options for kmeshc and kmesh-runtime; out: a JSON line for each dial, and an exit code.
 * Invariant: namespace, cgroup, instance and files are gone afterwards, also when interrupted (kit/cleanup.ts).
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readArtifact } from '../../proto/artifact/read.ts'
import { command, detachIfThere } from '../commands.ts'
import { type Listen, startBackends } from '../kit/backend.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { startDialer } from '../kit/dialer.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { placed } from '../kit/process.ts'
import { chosenAt } from './counters.ts'
import type { DialLine } from './dials.ts'
import { arrival, isAmbiguous, outcome } from './outcome.ts'
import { type Place, endpointsOf, placeText } from './places.ts'

export interface Judgement {
  readonly inputs: readonly string[]
  readonly dials: readonly DialLine[]
  readonly compileOptions: readonly string[]
  readonly applyOptions: readonly string[]
}

/** Seconds that a connection or an answer to a datagram may take. */
const TIMEOUT = { tcp: 5, udp: 1 } as const

export async function judgeL4(judgement: Judgement, print: (line: string) => void): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-judge-'))
  undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'artifact.tar')
  const compiled = say([...command('kmeshc'), 'compile', ...judgement.inputs, '-o', file, ...judgement.compileOptions])
  if (compiled !== 0) return compiled

  const read = readArtifact(readFileSync(file))
  if (read.kind === 'invalid') throw new Error(`${read.error.code}: ${read.error.message}`)
  const endpoints = endpointsOf(read.artifact.tables)
  const dialled = judgement.dials.map(arrival)
  const namespace = await makeNamespace({ addresses: [...endpoints, ...dialled].map(({ address }) => address).filter(isRoutable) })

  const cgroup = makeCgroup('kmesh-judge')
  const instance = `kmesh-judge-${process.pid}`
  const runtime = command('kmesh-runtime')
  undoAtExit(() => detachIfThere(instance))
  const options = ['--instance', instance, '--cgroup', cgroup.path, ...judgement.applyOptions]
  const applied = say(placed([...runtime, 'apply', file, ...options], { namespace: namespace.path }))
  if (applied !== 0) return applied

  await startBackends(listeners(endpoints, judgement.dials, read.artifact.config.protocols), { namespace: namespace.path })
  const dialer = startDialer({ namespace: namespace.path, cgroup: cgroup.path })
  const names = new Set(endpoints.map(placeText))
  for (const { id, ...dial } of judgement.dials) {
    const isUnclear = isAmbiguous(dial, names)
    const before = isUnclear ? chosenAt(instance, arrival(dial)) : 0
    const tally = await dialer.dial({ ...dial, timeout: TIMEOUT[dial.protocol], close: 'wait' })
    const chosen = isUnclear ? chosenAt(instance, arrival(dial)) - before : 0
    print(JSON.stringify({ id, ...outcome(dial, tally, chosen) }))
  }
  dialer.stop()
  return 0
}

/** Every endpoint for every protocol that has listeners, and every dialled address for its own. */
function listeners(endpoints: readonly Place[], dials: readonly DialLine[], protocols: readonly ('tcp' | 'udp')[]): readonly Listen[] {
  const chosen = endpoints.flatMap((place) => protocols.map((protocol) => ({ ...place, protocol })))
  const raw = dials.map((dial) => ({ ...arrival(dial), protocol: dial.protocol }))
  return [...chosen, ...raw].filter(({ address }) => canListen(address))
}

/** A server can have it: no multicast, broadcast or link-local address. */
function canListen(address: string): boolean {
  return address.includes(':') ? !/^f[ef]/i.test(address) : Number(address.split('.')[0]) < 224
}

/** It needs a route in the namespace: loopback addresses are there anyway. */
function isRoutable(address: string): boolean {
  return canListen(address) && !address.startsWith('127.') && address !== '::1'
}

/** Runs a command that talks to the user, all of it on standard error: standard output is for answers. */
function say(argv: readonly string[]): number {
  const [file, ...rest] = argv as [string, ...string[]]
  const { status, signal, error } = spawnSync(file, rest, { stdio: ['inherit', 2, 2] })
  if (error !== undefined) throw error
  if (signal !== null) throw new Error(`${rest.slice(0, 3).join(' ')}: ${signal}`)
  return status ?? 1
}
