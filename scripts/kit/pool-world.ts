/**
 * A holder with one pool, and a server that the test is. In: a holder's world, a port; out: the pool's idle connections, each with both ends, and claims as programs make them.
 */
import { createServer, type Socket } from 'node:net'
import {
  client as clientLayout,
  EVENT_OPEN,
  POOL_SLOTS,
  pool as poolLayout,
  poolKey,
  RESPONSE_HEAD,
  UPSTREAMS,
  upstream as upstreamLayout,
} from '../../proto/http/sockets.ts'
import { packRow } from '../../runtime/field.ts'
import { lookup, u32 } from '../../runtime/sys/libbpf-map.ts'
import { openSocketDiag } from '../../runtime/sys/socket-diag.ts'
import { type HolderWorld, type KnownClient, type Row, until } from './holder-world.ts'
import { ipOf } from './small-program.ts'

/** State ids; REFUSING is of an endpoint where nobody listens. */
export const ENDPOINT = 7
export const CLUSTER = 8
export const REFUSING = 9
const INCARNATION = 3

export interface Claimed {
  readonly cookie: bigint
  readonly row: Row
  readonly slot: number
  /** the server's end */
  readonly far: Socket
}

export interface PoolWorld {
  /** the server's ends, in the order in which they came */
  readonly accepted: Socket[]
  /** EVENT_OPEN for an endpoint */
  event(endpoint: number, port: number, wanted: number): Readonly<Record<string, number | bigint | Uint8Array>>
  /** row of an endpoint's pool, 0: there is none */
  poolOf(endpoint: number): number
  poolRow(): Row
  upstreamRow(cookie: bigint): Row
  clientRow(client: KnownClient): Row
  idleSlots(): readonly number[]
  /** Waits until both ends of each idle connection are known: `claim` says which is which. */
  learnEnds(): Promise<void>
  /** Takes a bit, as a program does before it has looked at the upstream. */
  take(): Claimed
  /** What the kernel does for a request of this client: takes a bit, and says whose the upstream is. */
  claim(client: KnownClient, values: Readonly<Record<string, number | bigint>>): Claimed
  /** requests that are counted at cluster and endpoint */
  active(): readonly bigint[]
  end(): void
}

/** Of connections to a port: the local port by the socket's cookie. */
function portsOf(port: number): ReadonlyMap<bigint, number> {
  const entered = openSocketDiag({ inode: 0, path: '/proc/self/ns/net', pids: [], whose: 'own' })
  if (entered.kind !== 'entered') throw new Error('no socket table')
  const sockets = entered.value.dump('tcp').filter(({ peerPort }) => peerPort === port)
  entered.value.close()
  return new Map(sockets.map(({ id, sourcePort }) => [id.readBigUInt64LE(COOKIE_AT), sourcePort]))
}

/** In struct inet_diag_sockid. */
const COOKIE_AT = 40

export async function makePoolWorld(world: HolderWorld, port: number): Promise<PoolWorld> {
  const accepted: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    accepted.push(socket)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  for (const id of [ENDPOINT, CLUSTER, REFUSING]) world.state(id).set({ incarnation: INCARNATION })
  /** by the cookie of ours */
  const farEnds = new Map<bigint, Socket>()

  const poolOf = (endpoint: number): number => {
    const value = u32(0)
    lookup(world.tables.fd('km_pool_of'), packRow(poolKey, { netns: world.netns, endpoint, incarnation: INCARNATION }), value)
    return value.readUInt32LE(0)
  }
  const poolRow = (): Row => world.row('km_pool', poolLayout, poolOf(ENDPOINT))
  const upstreamRow = (cookie: bigint): Row => world.row('km_upstream', upstreamLayout, Number(cookie % BigInt(UPSTREAMS)))
  const clientRow = ({ row }: KnownClient): Row => world.row('km_client', clientLayout, row)
  const idleSlots = (): readonly number[] => {
    const row = poolRow()
    return Array.from({ length: POOL_SLOTS }, (_, slot) => slot).filter((slot) => (row.get('idle', slot >> 6) >> BigInt(slot & 63)) & 1n)
  }
  const take = (): Claimed => {
    const pool = poolRow()
    // the holder may have opened more since the ends were learnt
    const slot = idleSlots().find((one) => farEnds.has(pool.get('upstream', one)))
    if (slot === undefined || slot > 63) throw new Error('no idle connection in the first word whose other end is known')
    pool.set({ idle: pool.get('idle') & ~(1n << BigInt(slot)) })
    const cookie = pool.get('upstream', slot)
    return { cookie, row: upstreamRow(cookie), slot, far: farEnds.get(cookie) as Socket }
  }
  return {
    accepted,
    event: (endpoint, to, wanted) => ({
      kind: EVENT_OPEN,
      netns: world.netns,
      address: ipOf('127.0.0.1'),
      port: to,
      endpoint,
      incarnation: INCARNATION,
      wanted,
    }),
    poolOf,
    poolRow,
    upstreamRow,
    clientRow,
    idleSlots,
    learnEnds: async () => {
      await until('both ends of every idle connection are known', () => {
        const ports = portsOf(port)
        const cookies = idleSlots().map((slot) => poolRow().get('upstream', slot))
        for (const cookie of cookies) {
          const far = accepted.find(({ remotePort }) => remotePort === ports.get(cookie))
          if (far !== undefined && !farEnds.has(cookie)) farEnds.set(cookie, far)
        }
        return cookies.every((cookie) => farEnds.has(cookie))
      })
    },
    take,
    claim: (client, values) => {
      const taken = take()
      for (const id of [CLUSTER, ENDPOINT]) world.state(id).set({ active: 1 })
      const places = {
        cluster: CLUSTER,
        cluster_incarnation: INCARNATION,
        endpoint: ENDPOINT,
        endpoint_incarnation: INCARNATION,
        counted: 1,
        // by the clock of the kernel
        started: process.hrtime.bigint(),
      }
      clientRow(client).set({ upstream: taken.cookie })
      taken.row.set({ phase: RESPONSE_HEAD, client: client.row, ...places, ...values, owner: client.cookie })
      return taken
    },
    active: () => [CLUSTER, ENDPOINT].map((id) => world.state(id).get('active')),
    end: () => {
      server.close()
      for (const socket of accepted) socket.destroy()
    },
  }
}
