/**
 * Servers on many addresses at once. In: (address, port, protocol) lists, where they shall run; out: a handle once all of them listen.
 * Invariant: every asked place really listens (else it throws and names those that do not), spread over processes of at most 10,000
 * sockets each. What a server answers: backend.py.
 */
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { undoAtExit } from './cleanup.ts'
import { type Place, start } from './process.ts'
import { python } from './python.ts'

export interface Listen {
  readonly address: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  /** others may have the same port on the wildcard address (SO_REUSEPORT) */
  readonly share?: true
}

export interface Backends {
  readonly count: number
  readonly pids: readonly number[]
  stop(): void
}

const SOCKETS_PER_PROCESS = 10_000
const PROGRAM = fileURLToPath(new URL('backend.py', import.meta.url))

export async function startBackends(listen: readonly Listen[], place: Place): Promise<Backends> {
  const wanted = [...new Map(listen.map((entry) => [`${entry.protocol} ${entry.address} ${entry.port}`, entry])).values()]
  const children: ChildProcess[] = []
  const stop = undoAtExit(() => {
    for (const child of children) child.kill('SIGKILL')
  })
  try {
    for (let from = 0; from < wanted.length; from += SOCKETS_PER_PROCESS) {
      const child = start([python(), PROGRAM], place, ['pipe', 'pipe', 'inherit'])
      children.push(child)
      await ready(child, wanted.slice(from, from + SOCKETS_PER_PROCESS))
    }
  } catch (error) {
    stop()
    throw error
  }
  return { count: wanted.length, pids: children.map((child) => child.pid as number), stop }
}

async function ready(child: ChildProcess, listen: readonly Listen[]): Promise<void> {
  if (child.stdin === null || child.stdout === null) throw new Error('backend.py has no pipes')
  child.stdin.end(
    JSON.stringify(listen.map(({ address, port, protocol, share }) => [address, port, protocol, ...(share === true ? ['share'] : [])])),
  )
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', resolve)
    child.once('exit', (code, signal) => reject(new Error(`backend.py: exit ${code ?? signal}`)))
  })
  const { failed } = JSON.parse(line) as { failed: readonly (readonly [string, number, string, string])[] }
  if (failed.length > 0)
    throw new Error(
      `backend.py cannot listen on ${failed
        .slice(0, 5)
        .map((entry) => entry.join(' '))
        .join(', ')} (${failed.length} in all)`,
    )
  child.removeAllListeners('exit')
  child.unref()
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?: () => void }).unref?.()
}
