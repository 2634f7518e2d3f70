/**
 * An upstream that remembers what reaches it. In: a port of 127.0.0.1. Out: a running server, and every request since the last `take`, in order.
 * A request that never ends is remembered with the part of its body that came.
 */
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ReachedRequest } from './smuggling-case.ts'

export interface RecordingUpstream {
  take(): readonly ReachedRequest[]
  stop(): Promise<void>
}

export async function startRecordingUpstream(port: number): Promise<RecordingUpstream> {
  let reached: { method: string; path: string; host: string; body: string }[] = []
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 0 }, (request, response) => {
    const one = { method: request.method ?? '', path: request.url ?? '', host: request.headers.host ?? '', body: '' }
    reached.push(one)
    request.on('data', (data: Buffer) => {
      one.body += data.toString('latin1')
    })
    request.on('error', () => undefined)
    request.on('end', () => response.end('ok'))
  })
  const tunnel = ({ method, url, headers }: { method?: string; url?: string; headers: { host?: string } }, socket: Duplex): void => {
    reached.push({ method: method ?? '', path: url ?? '', host: headers.host ?? '', body: 'tunnel' })
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
  }
  server.on('connect', tunnel)
  server.on('upgrade', tunnel)
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host: '127.0.0.1', port }, resolve))
  return {
    take() {
      const taken = reached
      reached = []
      return taken
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
