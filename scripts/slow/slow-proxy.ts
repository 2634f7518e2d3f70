/**
 * The slow path behind a listening socket of this process, as a proxy. In: resources in proto3 JSON and where to listen. Out: a running proxy; a connection to the
 * place is one to the address that was dialled. Tests and judges only: in the product, connections come from the holder.
 * Invariant: nothing but loopback; after `stop` nothing listens.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { readInput } from '../../compiler/input/read.ts'
import { servicesDocument } from '../../compiler/services-document.ts'
import type { OpenUpstream, SlowConnection } from '../../runtime/serve/slow-lane.ts'
import { createSlowLane, type RunningSlowLane } from '../../runtime/slow/create-slow-lane.ts'
import type { WaypointPlace } from '../../runtime/slow/lane-context.ts'
import type { JsonObject } from '../oracle/envoy.ts'

export interface SlowProxyOptions {
  /** with "@type" */
  readonly resources: readonly JsonObject[]
  readonly places: readonly { readonly host: string; readonly port: number }[]
  readonly waypoint?: WaypointPlace
  /** called where a connection could go back to the kernel; it is kept here all the same */
  readonly onClean?: () => void
}

export interface SlowProxy {
  readonly lane: RunningSlowLane
  /** other resources from now on */
  renew(resources: readonly JsonObject[]): void
  readonly sockets: ReadonlySet<Socket>
  stop(): Promise<void>
}

export function servicesOf(resources: readonly JsonObject[]): Uint8Array | undefined {
  const { resources: decoded } = readInput([{ name: 'resources.json', bytes: Buffer.from(JSON.stringify(resources)) }], createDiagnostics())
  return servicesDocument(decoded, { resolve: new Map(), plaintextTo: new Set() })
}

export async function startSlowProxy({ resources, places, waypoint, onClean }: SlowProxyOptions): Promise<SlowProxy> {
  let services = servicesOf(resources)
  const lane = createSlowLane({ services: () => services, open: openHere, ...(waypoint !== undefined && { waypoint }) })
  const sockets = new Set<Socket>()
  let count = 0n
  const serve = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const id = ++count
    const connection: SlowConnection = {
      socket,
      asked: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
      client: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
      netns: 0n,
      reason: 0,
      drawn: undefined,
      fastLane: onClean === undefined ? 'never' : 'possible',
      id,
      giveBack() {
        onClean?.()
        lane.serve(connection)
      },
      finish(last) {
        socket.write(last)
        if (onClean === undefined) return 'written'
        onClean()
        lane.serve(connection)
        return 'returned'
      },
      end(how) {
        if (how === 'reset') socket.resetAndDestroy()
        else socket.destroy()
      },
    }
    lane.serve(connection)
  }
  const servers = await Promise.all(places.map((place) => listen(place, serve)))
  return {
    lane,
    sockets,
    renew(others) {
      services = servicesOf(others)
      lane.renew()
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      lane.close()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

function listen({ host, port }: { readonly host: string; readonly port: number }, serve: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, serve)
    server.once('error', reject)
    server.listen({ host, port, backlog: 2048 }, () => resolve(server))
  })
}

export const openHere: OpenUpstream = (_, { address, port }) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, allowHalfOpen: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
