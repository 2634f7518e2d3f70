/**
 * A place for the programs of requests alone: a closed namespace with servers, an instance whose one service routes requests, and the small holder in
 * the place of the product's. In: what answers requests, how patient the holder is. Out: clients, what the holder said, rows of the kernel's tables.
 * Invariant: undone when the test ends, however it ends; nothing leaves the namespace.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readArtifact } from '../../proto/artifact/read.ts'
import { apply } from '../../runtime/apply.ts'
import { detach } from '../../runtime/detach.ts'
import type { Pins } from '../../runtime/pins.ts'
import { existingPins } from '../../runtime/place.ts'
import { observeSockets } from '../../runtime/serve/observe.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { type LineProcess, startLineProcess } from '../kit/line-process.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { noMachine } from '../kit/no-machine.ts'
import { run, start } from '../kit/process.ts'
import { python } from '../kit/python.ts'
import { type RequestService, requestArtifact } from './request-artifact.ts'

export interface WorldOptions {
  /** ports of the servers of each cluster, at 127.0.0.1 */
  readonly clusters: readonly (readonly number[])[]
  /** as in RequestService */
  readonly answer?: string
  readonly maxConnections?: number
  /** servers on the node are observed, or all their responses come by TCP; observed when left out */
  readonly servers?: 'observed' | 'elsewhere'
  /** milliseconds before the holder accepts */
  readonly patience?: number
  /** connections that may wait for it */
  readonly backlog?: number
}

export interface RequestWorld {
  readonly address: string
  readonly port: number
  readonly instance: string
  readonly pins: Pins
  client(): Client
  /** Stops the holder, and lets it go on. */
  hold(how: 'SIGSTOP' | 'SIGCONT'): void
  /** lines of the holder so far */
  said(): readonly string[]
  /** Waits until the holder has said such a line; throws after two seconds. */
  heard(line: RegExp): Promise<string>
  /** Another artifact for the same instance. */
  apply(change: Pick<WorldOptions, 'answer' | 'maxConnections'>): Promise<void>
  close(): void
}

export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly length: number
  readonly sha256: string
  readonly text?: string
}

export interface Client {
  /** One step of client.py; throws the name of the errno. */
  step<T>(command: Readonly<Record<string, unknown>>): Promise<T>
  connect(name: string, more?: Readonly<Record<string, unknown>>): Promise<void>
  send(name: string, ...pieces: readonly string[]): Promise<readonly (number | string)[]>
  read(name: string, more?: Readonly<Record<string, unknown>>): Promise<readonly Response[]>
  stop(): void
}

const ADDRESS = '10.96.23.1'
const PORT = 80
const HOLDER_PORT = 23090
/** both sides, and without a cookie (ip-sysctl: tcp_fastopen) */
const FAST_OPEN = 0x207
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
let counter = 0

export async function makeRequestWorld(options: WorldOptions): Promise<RequestWorld> {
  const undo: (() => void)[] = []
  const keep = <T extends () => void>(one: T): T => {
    undo.push(one)
    return one
  }
  const namespace = await makeNamespace({ addresses: [ADDRESS] })
  keep(namespace.remove)
  run(['sh', '-c', `echo ${FAST_OPEN} > /proc/sys/net/ipv4/tcp_fastopen`], { namespace: namespace.path })
  const [clients, servers, holder] = ['clients', 'servers', 'holder'].map((name) => makeCgroup(`kmh1-${name}`)) as [
    ReturnType<typeof makeCgroup>,
    ReturnType<typeof makeCgroup>,
    ReturnType<typeof makeCgroup>,
  ]
  for (const cgroup of [clients, servers, holder]) keep(cgroup.remove)
  const instance = `kmh1-${process.pid}-${counter++}`
  keep(undoAtExit(() => existingPins(instance) !== null && detach(instance)))
  const service: RequestService = {
    address: ADDRESS,
    port: PORT,
    clusters: options.clusters.map((ports) => ports.map((port) => `127.0.0.1:${port}`)),
  }
  const put = async ({ answer, maxConnections }: Pick<WorldOptions, 'answer' | 'maxConnections'>): Promise<void> => {
    const change = { ...(answer !== undefined && { answer }), ...(maxConnections !== undefined && { maxConnections }) }
    const read = readArtifact(await requestArtifact({ ...service, ...change }))
    if (read.kind === 'invalid') throw new Error(read.error.message)
    await apply({ artifact: read.artifact, instance, cgroup: clients.path, diverted: 'refuse', mode: 'apply', host: noMachine({}) })
  }
  await put(options)
  const pins = existingPins(instance)?.pins as Pins
  observeSockets(pins, holder.path, { servers: options.servers === 'elsewhere' ? [] : [servers.path], optedOut: [] })
  const place = { namespace: namespace.path }
  const ports = options.clusters.flat().map(String)
  const server = start([python(), here('server.py'), '127.0.0.1', ...ports], { ...place, cgroup: servers.path }, [
    'ignore',
    'pipe',
    'inherit',
  ])
  keep(undoAtExit(() => server.kill('SIGKILL')))
  await new Promise((resolve) => server.stdout?.once('data', resolve))
  const said: string[] = []
  const arguments_ = [builtHolder(), pins.root, String(HOLDER_PORT), String(options.patience ?? 0), String(options.backlog ?? 4096)]
  const small = start(arguments_, { ...place, cgroup: holder.path }, ['ignore', 'pipe', 'inherit'])
  keep(undoAtExit(() => small.kill('SIGKILL')))
  createInterface({ input: small.stdout as NodeJS.ReadableStream }).on('line', (line) => said.push(line))
  const heard = async (line: RegExp): Promise<string> => {
    for (let tries = 0; tries < 200; tries++) {
      const found = said.find((one) => line.test(one))
      if (found !== undefined) return found
      await pause(10)
    }
    throw new Error(`the holder never said ${line}: ${said.slice(-10).join(' | ')}`)
  }
  await heard(/^ready/)
  return {
    address: ADDRESS,
    port: PORT,
    instance,
    pins,
    said: () => said,
    heard,
    apply: put,
    hold: (how) => void small.kill(how),
    client() {
      const process = startLineProcess(here('client.py'), { ...place, cgroup: clients.path })
      keep(process.stop)
      return clientOf(process)
    },
    close() {
      for (const one of undo.splice(0).reverse()) one()
    },
  }
}

function clientOf(process: LineProcess): Client {
  const step = async <T>(command: Readonly<Record<string, unknown>>): Promise<T> => {
    const answer = await process.ask<{ readonly ok?: T; readonly errno?: string }>(command)
    if (answer.errno !== undefined) throw new Error(answer.errno)
    return answer.ok as T
  }
  return {
    step,
    connect: (name, more = {}) => step({ op: 'connect', name, address: ADDRESS, port: PORT, ...more }),
    send: (name, ...pieces) => step({ op: 'send', name, pieces }),
    read: (name, more = {}) => step({ op: 'read', name, ...more }),
    stop: process.stop,
  }
}

let program: string | undefined

function builtHolder(): string {
  if (program !== undefined) return program
  const folder = mkdtempSync(join(tmpdir(), 'kmh1-'))
  undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  program = join(folder, 'small-holder')
  execFileSync('clang-14', ['-O2', '-Wall', '-I', here('../../bpf/lib'), here('small-holder.c'), '-o', program, '-lbpf'])
  return program
}
