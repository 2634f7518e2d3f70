/**
 * Upstream connections of the slow path, kept for reuse. In: an endpoint, a network namespace, a way to open sockets. Out: a node:http agent that gives one idle
 * or new connection to each request. Invariants: a connection serves one request at a time, of one network namespace; an idle one on which an upstream says anything, be it the end, is closed;
 * a connect that fails is told apart from everything that fails later (ConnectFault).
 */
import { Agent, type AgentOptions, type ClientRequest, type ClientRequestArgs } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface UpstreamPlace {
  readonly address: string
  readonly port: number
  /** of the client; upstream sockets belong to it */
  readonly netns: bigint
}

export interface ConnectOptions {
  /** milliseconds */
  readonly connectTimeout: number
  /** milliseconds that a connection may wait for its next request; 0: as long as it likes */
  readonly idle: number
}

export class ConnectFault extends Error {
  readonly kind: 'connect_failure' | 'connect_timeout'
  readonly code: string

  constructor(kind: ConnectFault['kind'], code: string) {
    super(`${kind}: ${code}`)
    this.kind = kind
    this.code = code
  }
}

export type Connect = (place: UpstreamPlace) => Promise<Socket>

/** What `request` of node:http is given beside the rest. */
export interface PoolTarget {
  readonly agent: Agent
  readonly place: UpstreamPlace
  readonly connecting: ConnectOptions
}

interface Target extends ClientRequestArgs {
  readonly place: UpstreamPlace
  readonly connecting: ConnectOptions
}

class PoolAgent extends Agent {
  private readonly connect: Connect

  constructor(connect: Connect, options: AgentOptions) {
    super(options)
    this.connect = connect
  }

  override getName(options?: ClientRequestArgs): string {
    const { place } = options as Target
    return `${place.netns} ${place.address} ${place.port}`
  }

  override createConnection(options: ClientRequestArgs, done: (error: Error | null, socket?: Duplex) => void): undefined {
    const { place, connecting } = options as Target
    open(this.connect, place, connecting).then(
      (socket) => {
        if (connecting.idle > 0) idleTimes.set(socket, connecting.idle)
        done(null, socket)
      },
      (error: unknown) => done(error as Error),
    )
    return undefined
  }

  override keepSocketAlive(socket: Socket): boolean {
    // its type says that it returns nothing; what it returns decides whether the socket is kept
    const kept = super.keepSocketAlive(socket) as unknown as boolean
    socket.setTimeout(idleTimes.get(socket) ?? 0)
    // of its own: a socket that may be half open stays idle behind the upstream's end, and what comes unasked would be taken for the next answer
    socket.on('data', closeUnasked)
    socket.on('end', closeUnasked)
    return kept
  }

  override reuseSocket(socket: Socket, request: ClientRequest): void {
    socket.off('data', closeUnasked)
    socket.off('end', closeUnasked)
    super.reuseSocket(socket, request)
    socket.setTimeout(0)
  }
}

function closeUnasked(this: Socket): void {
  this.destroy()
}

const idleTimes = new WeakMap<Socket, number>()

export function createUpstreamPool(connect: Connect): { readonly agent: Agent; close(): void } {
  const agent = new PoolAgent(connect, { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 1024, scheduling: 'lifo' })
  return { agent, close: () => agent.destroy() }
}

/** Rejects with a ConnectFault. */
export async function open(
  connect: Connect,
  place: UpstreamPlace,
  { connectTimeout }: Pick<ConnectOptions, 'connectTimeout'>,
): Promise<Socket> {
  let timer: NodeJS.Timeout | undefined
  let late = false
  const opening = connect(place).then((socket) => {
    if (late) socket.destroy()
    socket.setNoDelay(true)
    return socket
  })
  const timeout = new Promise<never>((_, reject) => {
    // a turn later: where this process was held up, the connection may be there and only not seen yet
    timer = setTimeout(() => setImmediate(() => reject(new ConnectFault('connect_timeout', 'ETIMEDOUT'))), connectTimeout)
  })
  try {
    return await Promise.race([opening, timeout])
  } catch (error) {
    late = true
    opening.catch(() => undefined)
    if (error instanceof ConnectFault) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'ECONNREFUSED'
    throw new ConnectFault(code === 'ETIMEDOUT' ? 'connect_timeout' : 'connect_failure', code)
  } finally {
    clearTimeout(timer)
  }
}
