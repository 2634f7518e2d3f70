/**
 * Servers that tell who was reached. In: addresses of this machine (127.0.0.0/8, or anything local in a closed network namespace). Out: TCP and
 * UDP sockets on all of them, in this process; each answers a connection or a datagram with its own "ip:port" and, for TCP, closes.
 * Invariant: after `stop` nothing listens any more.
 */
import { createSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'

export interface Place {
  readonly address: string
  readonly port: number
}

export interface Endpoints {
  /** connections and datagrams by "ip:port" since the start */
  readonly seen: ReadonlyMap<string, number>
  stop(): Promise<void>
}

export interface EndpointOptions {
  readonly protocol?: 'tcp' | 'udp'
  /** TCP: `close` after the answer (default), or `hold` the connection until the peer closes */
  readonly after?: 'close' | 'hold'
}

/** Rejects where an address cannot be bound. */
export async function startEndpoints(places: readonly Place[], options: EndpointOptions = {}): Promise<Endpoints> {
  const seen = new Map<string, number>()
  const meet = (name: string): void => {
    seen.set(name, (seen.get(name) ?? 0) + 1)
  }
  const open = options.protocol === 'udp' ? openUdp : openTcp
  const closers = await Promise.all(places.map((place) => open(place, placeText(place), meet, options.after ?? 'close')))
  return {
    seen,
    stop: async () => {
      await Promise.all(closers.map((close) => close()))
    },
  }
}

/** "1.2.3.4:80" or "[::1]:80" */
export function placeText({ address, port }: Place): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

async function openTcp(place: Place, name: string, meet: (name: string) => void, after: 'close' | 'hold'): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    meet(name)
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    if (after === 'close') socket.end(name)
    else socket.write(name)
    socket.resume()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: place.address, port: place.port, backlog: 1024 }, resolve)
  })
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
}

async function openUdp(place: Place, name: string, meet: (name: string) => void): Promise<() => Promise<void>> {
  const socket = createSocket(place.address.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (_, peer) => {
    meet(name)
    socket.send(name, peer.port, peer.address)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(place.port, place.address, resolve)
  })
  return () => new Promise((resolve) => socket.close(() => resolve()))
}
