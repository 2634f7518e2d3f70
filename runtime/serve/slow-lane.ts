/**
 * Where `serve` and the slow path meet. In (from serve): client connections that the kernel cannot serve any further, responses that it cannot frame, and
 * a way to open upstream sockets in a client's network namespace. Out (of the slow path): each request answered as Envoy would, and connections given back.
 * Invariant: a connection is ended or given back exactly once; its socket is not touched afterwards.
 */
import type { Socket } from 'node:net'

export interface SocketAddress {
  /** textual form, IPv4 where it is one */
  readonly address: string
  readonly port: number
}

/** What the kernel has drawn for a request before it was left to user space. */
export interface Drawn {
  /** of which each choice is a remainder */
  readonly random: bigint
  /** `passed`: the filters have let it pass, and what they take of it they have taken; `stopped`: the first of them that draws has answered; `open`: none has been asked */
  readonly filters: 'passed' | 'stopped' | 'open'
}

/** A client's connection, from the first byte that nobody has read on: a whole head, a part of one, or several requests. */
export interface SlowConnection {
  /** paused; nothing has been read of it here. Half-open is allowed: a client may close its sending half and wait for the answer */
  readonly socket: Socket
  /** what the client dialled */
  readonly asked: SocketAddress
  readonly client: SocketAddress
  /** cookie of the client's network namespace, for `OpenUpstream` */
  readonly netns: bigint
  /** REASON_SLOW_* of the kernel */
  readonly reason: number
  /** of its first request; undefined: nothing was drawn */
  readonly drawn: Drawn | undefined
  /** 'never': every later request comes here as well, but the connection may be given back between requests all the same */
  readonly fastLane: 'possible' | 'never'
  /** cookie of the client's socket: the same connection that comes again has the same one */
  readonly id: bigint
  /**
   * Every byte read so far belonged to a request that has been answered in full, and the answer has been flushed (socket.writableLength is 0): the kernel takes
   * over. The socket is destroyed here, which the client does not see. What the client sent meanwhile is not lost: the connection comes again.
   */
  giveBack(): void
  /**
   * The same for the last bytes of an answer, which are not written yet: they go out and the kernel takes over in one step, before the client can ask again. To be preferred: a
   * client that asks as soon as it has its answer is faster than `giveBack`. 'written': more bytes have come, the connection stays here.
   */
  finish(last: Uint8Array): 'returned' | 'written'
  /** Ends it for the client: in order (FIN behind what was written) or with a reset. Destroying the socket alone does not, as the holder has it too. */
  end(how: 'close' | 'reset'): void
}

/** What becomes of the head of a response (proto/http/editing.ts). */
export interface ResponseEdits {
  /** in lower case; `drop`: lines of this name do not go on */
  readonly names: readonly { readonly name: string; readonly drop: boolean }[]
  /** bytes of lines that are added, one character each; `if`: the response has, or has not, the header `name` */
  readonly parts: readonly {
    readonly text: string
    readonly kind: 'text' | 'status'
    readonly if: { readonly name: number; readonly there: boolean } | undefined
  }[]
}

/** A request that the kernel has sent and that may be tried again (proto/http/keeping.ts). */
export interface KeptRequest {
  /** head and body */
  readonly bytes: Buffer
  /** the number that was drawn for it */
  readonly random: bigint
  /** milliseconds of the monotonic clock at which it was sent */
  readonly started: number
  /** where it was sent */
  readonly endpoint: SocketAddress
}

/** A response whose head the kernel could not frame, or did not send as its request may be tried again. The request has been sent in full. */
export interface SlowRelay {
  readonly connection: SlowConnection
  /** nothing of the response has been read */
  readonly upstream: Socket
  /** of the request: an answer to HEAD has no body */
  readonly method: 'HEAD' | 'other'
  /** of the request: whether the client's connection ends behind the answer, which says so then */
  readonly asked: 'to go on' | 'to close'
  /** state id of the endpoint */
  readonly state: number
  /** what becomes of the head of the response; undefined: it stays as it is */
  readonly edits: ResponseEdits | undefined
  /** undefined: the request is not tried again, whatever the response says */
  readonly kept: KeptRequest | undefined
  /** there is no response: the upstream broke, or was too late; only where the request is kept */
  readonly want: 'lost' | 'late' | undefined
  /** The response was framed and passed on in full: the upstream goes back to its pool, or is closed. Then `connection` is ended or given back. */
  done(upstream: 'reuse' | 'close'): void
}

/** Connects to an endpoint with a socket of the client's network namespace. Rejects with an Error that has `code` (ECONNREFUSED, ETIMEDOUT ...). */
export type OpenUpstream = (netns: bigint, to: SocketAddress) => Promise<Socket>

export interface SlowLane {
  serve(connection: SlowConnection): void
  relay(relay: SlowRelay): void
  /** A new generation is in force: decide by this artifact from now on; undefined: none that has HTTP. */
  renew(): void
  /** Connections between two requests are given back, now and from now on. */
  leave(): void
  /** Closes its connections to endpoints, which would keep this process. */
  close(): void
  /** Requests under way. */
  readonly active: number
}
