/**
 * A process that holds named sockets and does one step at a time with them (see sockets.py for the steps). In: steps; out: their value, or the
 * errno name of the call that failed. For tests about single sockets: second connect, AF_UNSPEC, inherited sockets, a process that moves.
 */
import { fileURLToPath } from 'node:url'
import { startLineProcess } from './line-process.ts'
import type { Place } from './process.ts'

export type SocketStep =
  | {
      readonly op: 'make'
      readonly name: string
      readonly protocol: 'tcp' | 'udp'
      readonly family: 'v4' | 'v6'
      readonly bind?: readonly [string, number]
    }
  | { readonly op: 'connect'; readonly name: string; readonly address: string; readonly port: number; readonly wait?: false }
  | { readonly op: 'disconnect' | 'listen' | 'receive' | 'peer' | 'self' | 'close'; readonly name: string }
  | { readonly op: 'accept'; readonly name: string; readonly as: string }
  | { readonly op: 'send'; readonly name: string; readonly text: string; readonly to?: readonly [string, number] }
  | { readonly op: 'join'; readonly cgroup: string }
  | { readonly op: 'fork' }

export type StepResult = { readonly ok: unknown } | { readonly errno: string }

export interface SocketHolder {
  readonly pid: number
  step(step: SocketStep): Promise<StepResult>
  stop(): void
}

const PROGRAM = fileURLToPath(new URL('sockets.py', import.meta.url))

export function startSocketHolder(place: Place): SocketHolder {
  const child = startLineProcess(PROGRAM, place)
  return { pid: child.pid, step: (step) => child.ask<StepResult>(step), stop: child.stop }
}
