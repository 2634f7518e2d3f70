/** The demo's servers. In: their addresses and names; out: running processes that say how many connections and requests they have had. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { undoAtExit } from '../kit/cleanup.ts'

export interface Server {
  readonly name: string
  readonly address: string
  readonly port: number
}

export interface Backends {
  /** connections since the last time somebody asked, by name */
  counts(): Promise<ReadonlyMap<string, number>>
  /** the same with requests */
  requests(): Promise<ReadonlyMap<string, number>>
}

interface Counted {
  readonly connections: number
  readonly requests: number
}

const PROGRAM = fileURLToPath(new URL('backend.ts', import.meta.url))

export async function startBackends(servers: readonly Server[]): Promise<Backends> {
  const children = servers.map(({ name, address, port }) => fork(PROGRAM, [address, `${port}`, name], { execArgv: process.execArgv }))
  for (const child of children) undoAtExit(() => child.kill('SIGKILL'))
  await Promise.all(children.map(answer))
  const since = (what: keyof Counted): (() => Promise<ReadonlyMap<string, number>>) => {
    const last = new Map<string, number>()
    return async () => {
      const now = await Promise.all(
        children.map((child) => {
          const said = answer(child)
          child.send('count')
          return said
        }),
      )
      return new Map(
        servers.map(({ name }, index) => {
          const total = (now[index] as Counted)[what]
          const added = total - (last.get(name) ?? 0)
          last.set(name, total)
          return [name, added]
        }),
      )
    }
  }
  return { counts: since('connections'), requests: since('requests') }
}

function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => {
      child.removeAllListeners('exit')
      resolve(message)
    })
    child.once('exit', (code) => reject(new Error(`a server of the demo ended with ${code}`)))
  })
}
