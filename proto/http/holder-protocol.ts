/**
 * What `kmesh-runtime serve` and the native holder say to each other. In: nothing. Out: the layout of a message and the kinds there are.
 *
 * They speak over a Unix socket of type SOCK_SEQPACKET, HOLDER_DIRECTORY/INSTANCE/holder.sock: one message is one struct km_holder_message, at most
 * two descriptors come with it (SCM_RIGHTS). The holder also writes one byte to a doorbell (a stream socket, the descriptor of `welcome`) for whatever it sends,
 * as Node waits for streams only. One Node at a time has the role `serve`: the newest one, the one before it is told `replaced`.
 *
 * Ownership: the holder keeps a descriptor of every client connection and of every pooled upstream. While Node has one of them the holder neither reads nor
 * watches it. Node closes its own copy and then says `returned` or `closed`; when Node is gone, what it had is reset: bytes of it are lost.
 * Invariant: nothing of these layouts is seen by programs or artifacts; scripts/abi.ts prints them as runtime/holder/protocol.gen.h.
 */
import { layout } from '../layout.ts'

/** The holder's sockets are in HOLDER_DIRECTORY/INSTANCE, mode 0700. */
export const HOLDER_DIRECTORY = '/run/kmesh'

/** km_holder_message.kind. Never renumbered. First those of Node, then those of the holder. */
export const HOLDER_MESSAGES = {
  /** Node: who it is. `number`: a role of HOLDER_ROLES; `digest`: HOLDER_DIGEST. Answer: welcome or mismatch */
  hello: 1,
  /** Node: listen for the clients of a network namespace. Descriptor: the namespace. Answer: listening or failed, `number` as given */
  listen: 2,
  /** Node: nobody is in namespace `netns` any more. Listeners and idle upstreams there are closed, connections stay until they end */
  forget: 3,
  /**
   * Node: `connection` is clean, `bytes` were read of it in all since `connection` was given, `written` were written: back to the fast lane. Where the kernel has
   * given more meanwhile it comes again
   */
  returned: 4,
  /** Node: `connection` has ended. `number`: 0 an orderly end, 1 a reset */
  closed: 5,
  /** Node: open a connection to `address`:`port` in namespace `netns`, within `count` milliseconds. Answer: opened or failed, `number` as given */
  open: 6,
  /** Node: the response of `upstream` has been relayed. `number`: 0 back to its pool, 1 close it */
  relayed: 7,
  /** Node: new connections are accepted no more, pools are emptied, and the holder ends when the last connection has, or after `count` milliseconds */
  drain: 8,
  /** Node: this Node takes no new connections and goes; the holder stays */
  leave: 9,
  /** Node: counters, please. Answer: counters */
  count: 10,
  /** Node: keep `count` connections to `address`:`port` in namespace `netns`, of the endpoint with state id `state`, so that its first request finds one. 0: as many as are used */
  warm: 11,

  /** holder: descriptor of the doorbell; `number`: its process id; `netns`: cookie of the namespace it runs in */
  welcome: 32,
  /** holder: `digest` is not its own */
  mismatch: 33,
  /** holder: `netns`, `port` (IPv4, 0: none), `source_port` (IPv6, 0: none) */
  listening: 34,
  /** holder: `number` as given, `count`: errno */
  failed: 35,
  /**
   * holder: a client connection that user space has to serve; descriptor: the accepted socket. `connection`; `netns`; `bytes`: read of it so far; `count`: row of km_client; `address`, `port`: what was dialled; `source`, `source_port`: the client; `reason`: why; `flags`: CONNECTION_*;
   * `drawn`, `random`: DRAWN_* (proto/http/falling.ts), what was drawn for the first request of it
   */
  connection: 36,
  /**
   * holder: a response that the kernel could not frame; descriptors: the upstream, the client's accepted socket. As `connection`, and `upstream`,
   * `state`: the endpoint; `bytes`: bytes of the response that the client has had already; `number`: row in km_edit + 1 of what becomes of its head, 0: it stays as it is;
   * `kept`: of the request, which may be tried again, 0: it may not
   */
  relay: 37,
  /** holder: descriptor of the connected socket, `number` as given */
  opened: 38,
  /** holder: another Node serves now: finish what is under way and go */
  replaced: 39,
  /** holder: a client in namespace `netns` met no acceptor */
  wanted: 40,
  /** holder: `counters` */
  counters: 41,
} as const
export type HolderMessageName = keyof typeof HOLDER_MESSAGES

export const HOLDER_ROLES = { serve: 0, observe: 1 } as const

/** km_holder_message.flags of `connection` */
/** bytes of it were never seen by the kernel's parser, or its workload opted out: it stays in user space for good */
export const CONNECTION_EARLY = 1
/** the client has closed its sending half */
export const CONNECTION_ENDED = 2
/** of `relay`: the request was HEAD, so that no body follows */
export const CONNECTION_BODILESS = 4
/** of `relay`: the client wants its connection closed behind the answer */
export const CONNECTION_LAST = 8
/** of `relay`: there is no response, the upstream broke */
export const CONNECTION_LOST = 16
/** of `relay`: there is no response, and the time for it is over */
export const CONNECTION_LATE = 32

/** km_client.upstream while user space's answer is outstanding, in place of an upstream's cookie. No socket has it. */
export const ANSWER_MARK = 1

export const holderMessage = layout('km_holder_message', 'One message. Fields that a kind does not name are 0.', {
  kind: ['u32', 'HOLDER_MESSAGES'],
  number: ['u32', 'of a question, for its answer; or as the kind says'],
  connection: ['u64', "cookie of the client's own socket, by which its connection is known everywhere"],
  upstream: ['u64', 'cookie of an upstream socket'],
  netns: ['u64', 'cookie of a network namespace'],
  bytes: ['u64', ''],
  written: ['u64', ''],
  state: ['u32', 'state id of an endpoint'],
  count: ['u32', ''],
  reason: ['u32', 'SLOW_*'],
  flags: ['u32', 'CONNECTION_*'],
  address: ['u8[16]', 'IPv4-mapped or IPv6'],
  source: ['u8[16]', 'IPv4-mapped or IPv6'],
  port: ['u16', 'host order'],
  source_port: ['u16', 'host order'],
  kept: ['u32', 'row in km_kept + 1'],
  random: ['u64', ''],
  drawn: ['u32', 'DRAWN_*'],
  pad: ['u32', '0'],
  digest: ['u8[32]', ''],
  counters: ['u64[12]', 'HOLDER_COUNTERS, in that order'],
})

/** What the holder counts of itself; the rest is in maps. */
export const HOLDER_COUNTERS = [
  'accepted',
  'connections',
  'handed',
  'returned',
  'opened',
  'idle',
  'timedOut',
  'upstreamLost',
  'relayed',
  'openFailed',
  'waiting',
  'serving',
] as const
export type HolderCounter = (typeof HOLDER_COUNTERS)[number]
