/**
 * One slice of load. In: a contestant, what to ask and for how long; out: what came of it. wrk does what it can, `dial` (dial.c) the rest.
 * Invariant: bounded in time and connections; the client runs in the contestant's place.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compiled } from '../bench/tools.ts'
import { type Place, run } from '../kit/process.ts'
import type { Socket } from './configs.ts'
import { type Request, requestText, wrkScript } from './requests.ts'

export interface Load {
  readonly client: 'wrk' | 'dial'
  /** connect: the client closes after each answer; keepalive: it does not (a request may ask the server to) */
  readonly mode: 'connect' | 'keepalive'
  readonly connections: number
  readonly requests: readonly Request[]
  /** a CPU for the client alone, where it has one */
  readonly cpu?: string
}

export interface Slice {
  readonly requests: number
  readonly failed: number
  readonly seconds: number
  /** microseconds */
  readonly p50: number
  readonly p99: number
}

const DIAL = new URL('dial.c', import.meta.url)
let scripts = 0
/** files of a folder, which goes with its world */
const known = new Map<string, Map<readonly Request[], string>>()

export function runLoad(folder: string, target: Socket, place: Place, load: Load, seconds: number): Slice {
  const argv = load.client === 'wrk' ? wrkArguments(folder, target, load, seconds) : dialArguments(target, load, seconds)
  const pinned = load.cpu === undefined ? argv : ['taskset', '-c', load.cpu, ...argv]
  const text = run(pinned, place)
  const line = text.split('\n').findLast((one) => one.startsWith('{'))
  if (line === undefined) throw new Error(`${argv.slice(0, 6).join(' ')} said no result: ${text}`)
  return JSON.parse(line) as Slice
}

function dialArguments({ address, port }: Socket, { mode, connections, requests }: Load, seconds: number): readonly string[] {
  return [compiled(DIAL), mode, address, `${port}`, `${connections}`, `${seconds}`, ...requests.map(requestText)]
}

function wrkArguments(folder: string, { address, port }: Socket, { connections, requests }: Load, seconds: number): readonly string[] {
  const here = known.get(folder) ?? new Map<readonly Request[], string>()
  known.set(folder, here)
  let script = here.get(requests)
  if (script === undefined) {
    script = join(folder, `requests-${scripts++}.lua`)
    writeFileSync(script, wrkScript(requests))
    here.set(requests, script)
  }
  return [
    'wrk',
    '-t',
    '1',
    '-c',
    `${connections}`,
    '-d',
    `${Math.max(1, Math.round(seconds))}s`,
    '-s',
    script,
    `http://${address}:${port}/`,
  ]
}
