/**
 * What programs and the holder share about sockets that carry requests: clients, the sockets they were given to, pools of connections to servers.
 *
 * In: nothing. Out: layouts, capacities and names. Rows of km_client, km_upstream and km_pool are in arrays that user space maps (BPF_F_MMAPABLE): both
 * sides change single fields with atomic operations and never write a row that the other one owns.
 *
 *   client      the application's socket. Its row is found by probing CLIENT_PROBES rows from cookie modulo CLIENTS; its number is in the socket's storage
 *               (km_http_sockets) and in km_client_by_address. The kernel takes and frees it
 *   acceptor    the other end, accepted by the holder: SOCKHASH km_acceptors[client cookie], put there by the holder after accept()
 *   upstream    a pooled connection to an endpoint. Its row is cookie modulo UPSTREAMS; where that row is taken the holder closes the socket and opens another.
 *               The holder takes and frees the row. SOCKHASH km_upstreams[upstream cookie], put there by the holder before it is offered
 *   server      the other end of an upstream when it is a socket on this node in an observed cgroup: SOCKHASH km_servers[server cookie], by sockops
 *
 * Order in which the holder offers an upstream: connect, row (flags, address, ids, cookie last), km_upstreams, km_server_of read into `server` (and
 * read again after the row is written), slot of the pool (`upstream[i]` = cookie), then the bit in `idle`. It takes the bit back before it closes an idle one:
 * fetch_and of the bit; when the bit was not there, the kernel has it, and the holder waits for it.
 */
import { layout } from '../layout.ts'

/** Rows of km_client: connections of one instance that are routed by request. A power of two. */
export const CLIENTS = 1 << 15
/** Rows, from cookie modulo CLIENTS on, of which a client takes the first that is free. */
export const CLIENT_PROBES = 8
/** Rows of km_upstream. A power of two. */
export const UPSTREAMS = 1 << 14
/** Rows of km_pool; row 0 is never used. */
export const POOLS = 2048
/** Connections of one pool, and 64-bit words of its bitmap. */
export const POOL_SLOTS = 256
export const POOL_WORDS = 4
/** Idle connections below which a claim asks for more. */
export const POOL_LOW_WATER = 4
/** Bytes of km_events. */
export const EVENT_BYTES = 1 << 18
/** Bytes of a response that may wait in a client's ingress queue, which has no flow control. */
export const INGRESS_BUDGET = 512 << 10
/** Bytes of a response that the kernel itself may move to an acceptor; a longer one is relayed by user space, which a slow reader stops. */
export const EGRESS_BUDGET = 4 << 20
/**
 * Bytes of a request's body that the kernel forwards; a longer one is user space's. A message has 17 elements, and one that is full cannot be corked: so many
 * bytes never fill it, not even as pages of sendfile() that begin in mid-page.
 */
export const BODY_MAX = 48 << 10
/** SO_SNDBUFFORCE of an upstream: never full with one request of at most KM_OUT_MAX + BODY_MAX under way. */
export const UPSTREAM_SEND_BUFFER = 1 << 20
/** Bytes of a row of km_scratch; struct km_request (bpf/lib/http/request.h) fits. */
export const SCRATCH_BYTES = 16384
/** Bytes of km_clock: the date as headers have it (29 characters), then zero bytes. */
export const CLOCK_BYTES = 32

/** Programs of a generation in km_program_request: the slots of its block. */
export const PROGRAM_HTTP_REQUEST = 0
/** + number of the policy */
export const PROGRAM_HTTP_POLICY = 1
export const PROGRAM_HTTP_FORWARD = 8
export const PROGRAM_HTTP_ACT = 9
export const PROGRAM_HTTP_ROUTE = 10

/** km_client.passed */
export const CLIENT_SLOW = 1n << 63n

/** km_client.flags; changed with atomic or and and. */
/** the connection stands; its socket is in km_clients, but for one that opted out (CLIENT_MANUAL) and one that sent too early (CLIENT_EARLY) */
export const CLIENT_ESTABLISHED = 1
/** a message of it was redirected: nothing of it is ever passed plainly again (a pass does not cancel a redirect of the same message) */
export const CLIENT_REDIRECTED = 2
/** replies take the acceptor's egress: bytes put into the ingress queue would overtake those in TCP */
export const CLIENT_ORDERED = 4
/** bytes went to the acceptor that no program saw: user space keeps it for good */
export const CLIENT_EARLY = 8
/** requests go to user space whatever the kernel could do (opt-out) */
export const CLIENT_MANUAL = 32
/** its last request is under way or answered (Connection: close): what comes behind that is thrown away, and its connection ends */
export const CLIENT_CLOSING = 64
/** the request that was forwarded last had bytes behind it in its message: those are user space's, whether or not it is answered by then */
export const CLIENT_BEHIND = 128
/** it sends requests before it has the answers to those before: what goes another way than the bytes before waits until those are there */
export const CLIENT_PIPELINING = 256
/** its socket was closed: nobody reads what is still under way */
export const CLIENT_GONE = 512

/**
 * Nanoseconds from the program that redirects bytes of an answer to their being in the client's queue by the server's own send(), which waits for the client's socket, on a machine that is not
 * busy. No client can have read them before: one that sends the next request earlier pipelines. What a worker of the kernel carries has no such time, and needs none: a fence tells of it.
 */
export const DIRECT_TIME = 2_000
/** Nanoseconds after which what a server's own send() puts into the queue is there also on a busy machine, and after which it is there for certain. */
export const BUSY_TIME = 20_000_000
export const SETTLED_TIME = 1_000_000_000

/** km_upstream.flags; changed with atomic or and and. */
/** not to be used again: the holder closes it */
export const UPSTREAM_SPENT = 1
/** the response under way is user space's: its bytes stay with the upstream socket */
export const UPSTREAM_RELAY = 2
/** bytes of the response have gone towards the client */
export const UPSTREAM_STARTED = 4
/** the request was HEAD: no body follows the head of the response */
export const UPSTREAM_BODILESS = 8
/** the holder has its hands on it: programs leave it alone */
export const UPSTREAM_HELD = 16
/** what is left of the response under way takes TCP, whatever there is in between */
export const UPSTREAM_PLAIN = 32
/** the response under way is the client's last: its head says that the connection ends */
export const UPSTREAM_LAST = 64
/** with UPSTREAM_RELAY and a phase beyond the head: the head has not gone to the client, who gets an edited one */
export const UPSTREAM_EDITED = 128
/** with UPSTREAM_LAST: the server's own head says that its connection ends, too */
export const UPSTREAM_CLOSES = 256
/** with UPSTREAM_LAST: a program has said in the head that the client's connection ends; the server's goes on */
export const UPSTREAM_TOLD = 512

/** km_upstream.phase: where the response under way is. */
export const RESPONSE_IDLE = 0
/** the head is awaited */
export const RESPONSE_HEAD = 1
/** `remaining` bytes of the body are awaited */
export const RESPONSE_LENGTH = 2
/** the body ends with the connection */
export const RESPONSE_UNTIL_CLOSE = 3
/** chunked: the size line, the data (`remaining`), the line end behind it, the trailer */
export const RESPONSE_CHUNK_SIZE = 4
export const RESPONSE_CHUNK_DATA = 5
export const RESPONSE_CHUNK_END = 6
export const RESPONSE_TRAILER = 7

/** km_event.kind */
/** open `wanted` connections to the endpoint: its pool is empty or was never made */
export const EVENT_OPEN = 1
/** the pool at `row` is low */
export const EVENT_LOW = 2
/** the response of `upstream` is user space's (UPSTREAM_RELAY) */
export const EVENT_RELAY = 3
/** `upstream` is spent (UPSTREAM_SPENT): close it */
export const EVENT_SPENT = 4
/** nobody accepts for `family` in network namespace `netns` */
export const EVENT_NAMESPACE = 5
/** `client` has gone to user space: `reason`. Its bytes come to the acceptor; this tells why */
export const EVENT_SLOW = 6
/** the response that was under way is complete and its client is slow or half-closed: look at `client`. `reason` 1: its connection ends with it */
export const EVENT_ANSWERED = 7

/** Why requests went to user space: km_failure counts them under SLOW_REASON_BASE + number, owner 0 or the route. Never renumbered. */
export const SLOW_REASON_BASE = 64
export const SLOW_REASONS = {
  /** the head is longer than KM_HEAD_MAX, or cannot be held together */
  head_size: 0,
  /** not exactly a request head of HTTP/1.1: line ends, blanks, characters, folded lines */
  syntax: 1,
  /** not HTTP/1.1 (1.0, the HTTP/2 preface, TLS, anything else) */
  version: 2,
  /** CONNECT, or a target that is no path */
  target: 3,
  /** Content-Length is repeated or no number; more than one Host, or none */
  ambiguous: 4,
  /** the request has Transfer-Encoding */
  chunked: 5,
  /** Expect, Upgrade, TE, Connection with names, Proxy-Connection, Keep-Alive */
  hop: 6,
  /** the body is longer than BODY_MAX, or cannot be held together */
  body_size: 7,
  /** a second request arrived before the first was answered */
  pipelined: 8,
  /** no idle connection to the endpoint */
  pool_empty: 9,
  /** no scratch row was free */
  scratch: 10,
  /** a header that conditions read is repeated, or there are more of them than KM_FOUND_MAX */
  repeated_header: 11,
  /** the route, its virtual host or its service is user space's */
  route: 12,
  /** a condition cannot be evaluated here */
  condition: 13,
  /** a hash matched and the text did not, or a table did not hold what it must */
  table: 14,
  /** the new head does not fit */
  compose: 15,
  /** bytes were sent that no program saw */
  early: 16,
  /** the generation in force has no service for the address any more */
  no_service: 17,
  /** a redirect failed */
  redirect: 18,
  /** x-envoy-* and other headers that Envoy itself obeys */
  special_header: 19,
  /** the connection opted out */
  manual: 20,
  /** a path that the connection manager would change, or a very long one */
  path: 21,
  /** a host that the connection manager would change, or of an odd form */
  host: 22,
  /** more routes and conditions than one request may ask */
  steps: 23,
  /** no endpoint can be chosen, or the limit is reached */
  endpoint: 24,
} as const
export type SlowReason = keyof typeof SLOW_REASONS

const ADDRESS = 'IPv4-mapped or IPv6'

export const client = layout('km_client', 'One client connection. Taken by the connect hook, freed when the socket ends.', {
  cookie: ['u64', 'of the socket; 0: the row is free'],
  passed: [
    'u64',
    'bit 63 CLIENT_SLOW; below: bytes given to the acceptor (stops at 2^63). Only km_request of this socket adds; km_client_return exchanges',
  ],
  upstream: ['u64', 'cookie of the upstream whose response is outstanding in the kernel; 0: none'],
  acceptor: ['u64', '1: the accepted socket is in km_acceptors, says the holder; 0: not yet, or it has ended'],
  netns: ['u64', 'network namespace cookie'],
  generation: ['u64', 'generation that `service` belongs to; the request program looks again when another is in force'],
  egress: ['u64', "bytes that the kernel has redirected to the acceptor's egress, in all"],
  requests: ['u64', 'requests decided in the kernel'],
  due: [
    'u64',
    "monotonic nanoseconds at which bytes that a server's own send() last put into its queue are there, on a machine that is not busy; 0: none were",
  ],
  carried: ['u32', 'answers that a worker of the kernel was given for its receive queue, past TCP, in all'],
  arrived: ['u32', 'of those, the ones that are there for certain: a fence has come through behind them'],
  settled: ['u64', 'of `egress`, bytes that are in TCP, or will be before any that are written later'],
  fence: ['u64', 'by which its fences are known, a random number; 0: none was ever sent'],
  random: ['u64', 'the number that was drawn for the request that fell last, of which each choice is a remainder'],
  queued: [
    'u64',
    "monotonic nanoseconds at which a server's own send() was last to put bytes into its receive queue, past TCP; 0: none was",
  ],
  asked: ['u8[16]', `address that was dialled, ${ADDRESS}`],
  source: ['u8[16]', `the client's address as servers should see it, ${ADDRESS}; zero: unknown`],
  local: ['u8[16]', `local address of the socket (key in km_client_by_address), ${ADDRESS}`],
  asked_port: ['u16', 'host order'],
  local_port: ['u16', 'host order'],
  flags: ['u32', 'CLIENT_*'],
  service: ['u32', 'row in km_http'],
  listener: ['u32', 'state id'],
  epoch: ['u32', 'of `generation`'],
  reason: ['u32', 'SLOW_REASONS of the last fall to user space'],
  marks: ['u32', 'part of the key of its pools'],
  first: ['u32', 'sequence number of the first byte after the connection stood'],
  drawn: ['u32', 'DRAWN_*: what was drawn for the request that fell last; it is the first one that user space has not read'],
  pad: ['u32', '0'],
})

export const clientAddressKey = layout('km_client_address_key', 'How the holder finds the client of an accepted socket.', {
  netns: ['u64', 'cookie of the network namespace of both ends'],
  address: ['u8[16]', `getpeername() of the accepted socket, ${ADDRESS}`],
  port: ['u16', 'host order'],
  pad0: ['u16', '0'],
  pad1: ['u32', '0'],
})

export const clientPlace = layout(
  'km_client_place',
  'Value of km_client_by_address. The holder removes it after accept(), the kernel when the socket ends.',
  {
    cookie: ['u64', 'of the client'],
    row: ['u32', 'in km_client'],
    pad: ['u32', '0'],
  },
)

export const httpSocket = layout('km_http_socket', 'Storage of a client socket. Written under the socket lock.', {
  cookie: ['u64', 'of the socket'],
  client: ['u32', 'row in km_client'],
  scratch: ['u32', 'row in km_scratch + 1 while a request is decided; 0: none'],
  program: ['u32', 'base of the programs of the generation that decides'],
  total: ['u32', 'bytes of the request that is decided, head and body'],
  corks: ['u32', 'messages corked since the pieces were last put together'],
  corked: ['u32', '1: a message was corked; what follows the first request in the same message would be lost after a redirect'],
})

export const serverSocket = layout('km_server_socket', "Storage of a server's socket on this node.", {
  cookie: ['u64', 'its own'],
  upstream: ['u64', 'cookie of the other end'],
  redirected: ['u64', '1: a message of it was redirected'],
})

export const upstream = layout('km_upstream', 'One connection to an endpoint.', {
  cookie: ['u64', 'of the socket; 0: the row is free. Written last'],
  owner: ['u64', 'cookie of the client whose request it has; 0: idle'],
  server: ['u64', 'cookie of the other end in km_servers; 0: not on this node, or not observed'],
  remaining: ['u64', 'bytes left of the body or the chunk, by `phase`'],
  sent: ['u64', 'bytes of the response under way that went towards the client'],
  deadline: ['u64', 'monotonic nanoseconds; 0: none. The holder sweeps'],
  started: ['u64', 'monotonic nanoseconds at which the request was forwarded'],
  requests: ['u64', 'requests forwarded over it'],
  netns: ['u64', 'network namespace cookie'],
  address: ['u8[16]', `of the endpoint, ${ADDRESS}`],
  port: ['u16', 'host order'],
  slot: ['u16', 'in its pool'],
  pool: ['u32', 'row in km_pool'],
  client: ['u32', 'row of the owner in km_client'],
  flags: ['u32', 'UPSTREAM_*'],
  phase: ['u32', 'RESPONSE_*'],
  counted: ['u32', '1 while the request under way is counted in cluster and endpoint; exchanged to 0 by whoever releases'],
  cluster: ['u32', 'state id, while counted'],
  endpoint: ['u32', 'state id'],
  cluster_incarnation: ['u32', ''],
  endpoint_incarnation: ['u32', ''],
  status: ['u32', 'of the response under way; 0: not known yet'],
  route: ['u32', 'state id of the route, for counters'],
  line: ['u32', 'chunked: what was read of the line so far'],
  edit: ['u32', 'row in km_edit + 1 of what becomes of the head of the response; 0: it stays as it is'],
  kept: ['u32', 'row in km_kept + 1 of the request, which may be tried again; 0: it is not'],
  pad: ['u32', '0'],
})

export const poolKey = layout('km_pool_key', 'Whose pool. Written by the holder.', {
  netns: ['u64', 'network namespace cookie of the clients'],
  endpoint: ['u32', 'state id'],
  incarnation: ['u32', 'of the state id'],
  marks: ['u32', 'km_client.marks'],
  pad: ['u32', '0'],
})

export const pool = layout('km_pool', 'Connections of one network namespace to one endpoint.', {
  idle: ['u64[4]', 'one bit a slot: idle, to be claimed. Cleared by who claims or closes, set by who gives it (back)'],
  wanted: ['u32', '1: the kernel has asked for more; the holder sets 0 when it has opened them'],
  open: ['u32', 'connections there are, by the holder'],
  claimed: ['u64', 'claims, in all'],
  empty: ['u64', 'claims that met none'],
  pad: ['u64', '0'],
  upstream: ['u64[256]', 'cookies by slot; changed only while the bit is 0 and the holder has the slot'],
})

export const acceptorKey = layout('km_acceptor_key', 'Who accepts. Written by the holder.', {
  netns: ['u64', 'network namespace cookie'],
  family: ['u32', '4 or 6'],
  pad: ['u32', '0'],
})

export const acceptor = layout('km_acceptor', 'A listening socket of the holder.', {
  address: ['u8[16]', '127.0.0.1 (IPv4-mapped) or ::1'],
  port: ['u16', 'host order'],
  pad0: ['u16', '0'],
  pad1: ['u32', '0'],
})

export const pairKey = layout('km_pair_key', 'Both ends of a connection to a server on this node know its two initial sequence numbers.', {
  sent: ['u32', 'next sequence number of the upstream when the connection stood'],
  received: ['u32', 'next one of the server'],
  port: ['u32', 'of the upstream, host order'],
  pad: ['u32', '0'],
})

export const event = layout('km_event', 'What the kernel tells the holder through km_events.', {
  kind: ['u32', 'EVENT_*'],
  reason: ['u32', 'SLOW_REASONS'],
  netns: ['u64', ''],
  client: ['u64', 'cookie; 0: none'],
  upstream: ['u64', 'cookie; 0: none'],
  address: ['u8[16]', `of the endpoint, ${ADDRESS}`],
  port: ['u16', 'host order'],
  family: ['u16', '4 or 6'],
  wanted: ['u32', 'connections'],
  row: ['u32', 'in km_pool, or in km_client of `client`'],
  cluster: ['u32', 'state id'],
  endpoint: ['u32', 'state id'],
  incarnation: ['u32', 'of the endpoint'],
  marks: ['u32', ''],
  pad: ['u32', '0'],
})

export const returnRequest = layout(
  'km_return',
  'Context of the program km_client_return (BPF_PROG_TEST_RUN): a client back to the fast lane.',
  {
    cookie: ['u64', 'of the client'],
    row: ['u32', 'in km_client'],
    pad: ['u32', '0'],
    passed: ['u64', 'bytes of it that user space has read in all'],
  },
)

export const SOCKET_LAYOUTS = [
  client,
  clientAddressKey,
  clientPlace,
  httpSocket,
  serverSocket,
  upstream,
  poolKey,
  pool,
  acceptorKey,
  acceptor,
  pairKey,
  event,
  returnRequest,
] as const
