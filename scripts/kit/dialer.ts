/**
 * A client process in a namespace and a cgroup that dials on request. In: jobs; out: tallies of who answered (see dialer.py for each field).
 * Invariant: the process is inside the cgroup before it makes its first socket, so all its sockets are governed; jobs run one after the other.
 */
import { fileURLToPath } from 'node:url'
import { startLineProcess } from './line-process.ts'
import type { Place } from './process.ts'

export interface Dial {
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  readonly count?: number
  readonly socket?: 'v4' | 'v6'
  readonly datagram?: 'connect' | 'sendto'
  readonly source?: string
  readonly cpus?: 'alternate'
  readonly threads?: number
  readonly hold?: string
  readonly close?: 'fin' | 'rst' | 'wait'
  /** TCP: sent first */
  readonly say?: string
  readonly sequence?: true
  /** seconds; default 2 */
  readonly timeout?: number
}

export interface Tally {
  readonly reached: Readonly<Record<string, number>>
  readonly failed: Readonly<Record<string, number>>
  readonly passed: number
  readonly peer: Readonly<Record<string, number>>
  readonly seconds: number
  readonly sequence?: readonly string[]
}

export interface Dialer {
  readonly pid: number
  dial(job: Dial): Promise<Tally>
  /** Closes the sockets that were kept under `hold`; how many. */
  release(name: string): Promise<number>
  stop(): void
}

const PROGRAM = fileURLToPath(new URL('dialer.py', import.meta.url))

export function startDialer(place: Place): Dialer {
  const child = startLineProcess(PROGRAM, place)
  return {
    pid: child.pid,
    dial: (job) => child.ask<Tally>(job),
    release: async (name) => (await child.ask<{ released: number }>({ release: name })).released,
    stop: child.stop,
  }
}
