/**
 * Clients of the soak in a governed namespace. In: where they run, what they ask. Out: incidents as they happen, and what was done in the end.
 */
import { createInterface } from 'node:readline'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Place, start } from '../kit/process.ts'
import { python } from '../kit/python.ts'
import type { Service } from './resources.ts'

export interface ClientLoad {
  readonly service: Service
  /** told apart by it, in every request */
  readonly tag: string
  readonly threads: number
  /** turns a second, of all threads together */
  readonly rate: number
  readonly seconds: number
  readonly seed: number
  /** only these; empty: all */
  readonly ways: readonly string[]
}

export interface Incident {
  readonly event: 'wrong' | 'failed' | 'stuck'
  readonly way: string
  readonly detail: string
  /** ways that this connection went last, this one included */
  readonly before: readonly string[]
  /** path, or sizes of the pieces that were sent */
  readonly asked: string
  /** local port of the client */
  readonly port: number
  readonly thread: number
  readonly turn: number
  /** hh:mm:ss, and in milliseconds */
  readonly at: string
  readonly when: number
  readonly tag: string
}

export interface Done {
  /** turns that ended as they should, by way */
  readonly ways: Readonly<Record<string, number>>
  /** given up by the client */
  readonly aborted: number
  /** errors where a server misbehaved */
  readonly honest: number
}

const CLIENT = new URL('./soak_client.py', import.meta.url).pathname

export function runClients(place: Place, load: ClientLoad, tell: (incident: Incident) => void): Promise<Done> {
  const { service, ...rest } = load
  const child = start([python(), CLIENT], place, ['pipe', 'pipe', 'inherit'])
  const forget = undoAtExit(() => void child.kill('SIGKILL'))
  const { address, port, lane } = service
  child.stdin?.end(`${JSON.stringify({ ...rest, address, port, lane, prefix: service.name })}\n`)
  return new Promise((resolve, reject) => {
    let done: Done | undefined
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      const one = JSON.parse(line) as ({ readonly event: 'end' } & Done) | Incident
      if (one.event === 'end') done = { ways: one.ways, aborted: one.aborted, honest: one.honest }
      else tell({ ...one, tag: load.tag })
    })
    lines.on('close', () => {
      forget()
      if (done === undefined) reject(new Error(`clients "${load.tag}" ended before they were done`))
      else resolve(done)
    })
  })
}
