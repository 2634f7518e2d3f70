/** Servers of the soak. In: which, where. Out: a process that answers for them and can be killed and made again. */
import type { ChildProcess } from 'node:child_process'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Place, start } from '../kit/process.ts'
import { python } from '../kit/python.ts'
import type { Server } from './resources.ts'

export interface SoakServers {
  /** SIGKILL, and the same again */
  restart(): Promise<void>
  stop(): void
}

const SERVER = new URL('./soak_server.py', import.meta.url).pathname

export async function startServers(servers: readonly Server[], place: Place): Promise<SoakServers> {
  const begin = async (): Promise<ChildProcess> => {
    const argv = servers.map(({ name, address, port }) => `${name}=${address}=${port}`)
    const child = start([python(), SERVER, ...argv], place, ['ignore', 'pipe', 'inherit'])
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve())
      child.once('exit', (code) => reject(new Error(`servers of the soak: exit ${code}`)))
    })
    return child
  }
  let child = await begin()
  const stop = undoAtExit(() => void child.kill('SIGKILL'))
  return {
    async restart() {
      child.kill('SIGKILL')
      child = await begin()
    },
    stop,
  }
}
