/**
 * Servers behind the clusters of routing cases. In: cluster names and a first port of 127.0.0.1. Out: servers that answer 200 to everything, with a number in
 * the header x-oracle under which `seen` tells what came in. Invariant: texts have one character a byte; nothing but loopback.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { lowerCase } from '../../compiler/match/string-match.ts'
import type { UpstreamSeen } from './routing-case.ts'

export interface EchoUpstreams {
  readonly ports: ReadonlyMap<string, number>
  /** what came in under a number, once */
  take(number: string): UpstreamSeen | undefined
  close(): Promise<void>
}

export async function startEchoUpstreams(names: readonly string[], firstPort: number): Promise<EchoUpstreams> {
  const seen = new Map<string, UpstreamSeen>()
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const ports = new Map<string, number>()
  let count = 0
  for (const [index, cluster] of names.entries()) {
    const port = firstPort + index
    const answer = (request: Omit<UpstreamSeen, 'cluster'>): string => {
      const number = String(++count)
      seen.set(number, { cluster, ...request })
      return `HTTP/1.1 200 OK\r\nx-oracle: ${number}\r\ncontent-length: 0\r\n\r\n`
    }
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      serve(socket, answer)
    })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host: '127.0.0.1', port }, resolve))
    servers.push(server)
    ports.set(cluster, port)
  }
  return {
    ports,
    take(number) {
      const request = seen.get(number)
      seen.delete(number)
      return request
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

function serve(socket: Socket, answer: (request: Omit<UpstreamSeen, 'cluster'>) => string): void {
  let text = ''
  socket.on('data', (data) => {
    text += data.toString('latin1')
    for (;;) {
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      const [first = '', ...lines] = text.slice(0, end).split('\r\n')
      const pairs = lines.map((line): readonly [string, string] => {
        const colon = line.indexOf(':')
        return [lowerCase(line.slice(0, colon)), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]
      })
      const length = Number(pairs.find(([name]) => name === 'content-length')?.[1]) || 0
      if (text.length < end + 4 + length) return
      text = text.slice(end + 4 + length)
      const space = first.indexOf(' ')
      socket.write(
        answer({
          method: first.slice(0, space),
          path: first.slice(space + 1, first.lastIndexOf(' ')),
          authority: pairs.find(([name]) => name === 'host')?.[1] ?? '',
          headers: pairs.filter(([name]) => name !== 'host'),
        }),
      )
    }
  })
}
