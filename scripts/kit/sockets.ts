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
      readonly protocol: 'tcp' | 'udp' | 'mptcp'
      readonly family: 'v4' | 'v6'
      readonly bind?: readonly [string, number]
      readonly v6only?: true
    }
  | {
      readonly op: 'connect'
      readonly name: string
      readonly address: string
      readonly port: number
      readonly wait?: false
      /** an AF_INET address, whatever the socket's family is */
      readonly form?: 'v4'
    }
  | { readonly op: 'disconnect' | 'listen' | 'receive' | 'peer' | 'self' | 'close' | 'abort'; readonly name: string }
  | { readonly op: 'accept'; readonly name: string; readonly as: string }
  | {
      readonly op: 'send'
      readonly name: string
      readonly text: string
      readonly to?: readonly [string, number]
      readonly flags?: number
      readonly form?: 'v4'
    }
  | { readonly op: 'set'; readonly name: string; readonly level: number; readonly option: number; readonly value: number }
  | { readonly op: 'offer'; readonly name: string; readonly to: string }
  | { readonly op: 'take'; readonly from: string; readonly as: string }
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
