/**
 * What becomes of a request whose route is chosen: rows of km_http that bpf/lib/http/action.h walks and compiler/lower/http/actions.ts writes. In: nothing.
 * Out: layouts of 32 bytes and their constants.
 *
 * A route names its km_action row. An action forwards (km_target rows choose the cluster), answers (pieces are the reply) or sends the request to user space.
 * Guards come first, as HTTP filters stand in front of the router. A head or a reply is composed of pieces: consecutive rows, texts inside of them.
 * Invariant: what a row cannot say was made ACTION_SLOW at compile time; row 0 means "none" wherever a row is named.
 */
import { layout } from '../layout.ts'

// ---------------------------------------------------------------- actions

/** km_action.kind */
export const ACTION_FORWARD = 1
export const ACTION_REPLY = 2
export const ACTION_SLOW = 3

/** km_action.flags: gRPC requests go to user space */
export const ACTION_NO_GRPC = 1
/** the request is kept for another try (keeping.ts) */
export const ACTION_KEEPS = 2

/** km_action.choice: which of the shares */
/** there is one */
export const CHOICE_ONLY = 0
/** in proportion to the weights, by a random number */
export const CHOICE_RANDOM = 1
/** the same, by the hash of the hash policy where there is one (use_hash_policy) */
export const CHOICE_HASH = 2

export const action = layout('km_action', 'What a route does.', {
  kind: ['u8', 'ACTION_*'],
  flags: ['u8', 'ACTION_NO_GRPC, ACTION_KEEPS'],
  choice: ['u8', 'CHOICE_*'],
  hashes: ['u8', 'km_hash rows'],
  count: ['u16', 'ACTION_FORWARD: km_target rows; ACTION_REPLY: rows of pieces'],
  grpc_count: ['u16', 'ACTION_REPLY: rows of pieces of the answer to a gRPC request'],
  first: ['u32', 'ACTION_FORWARD: first km_target; ACTION_REPLY: first km_piece'],
  grpc: ['u32', 'ACTION_REPLY: first km_piece of the answer to a gRPC request; ACTION_KEEPS: km_retried'],
  total: ['u32', 'sum of the weights'],
  hash: ['u32', 'first km_hash'],
  guard: ['u32', 'ACTION_REPLY: first km_guard; 0: none'],
  timeout: ['u16', 'ACTION_FORWARD: of the whole request, in units of 100 ms, rounded up; 0: none'],
  reason: ['u16', 'ACTION_SLOW: SLOW_*'],
})

/** km_target.kind */
export const TARGET_CLUSTER = 1
/** the header `slot` names the cluster */
export const TARGET_HEADER = 2
export const TARGET_SLOW = 3

export const target = layout('km_target', 'One cluster of a route that forwards, with what its requests become.', {
  upto: ['u32', 'cumulative weight, exclusive'],
  cluster: ['u32', 'index in km_cluster; NO_CLUSTER: not in the snapshot'],
  pieces: ['u32', 'first row of the edits, and behind those first km_piece of the head that is sent instead'],
  count: ['u16', 'rows of pieces; 0: the head goes as it came'],
  kind: ['u8', 'TARGET_*'],
  slot: ['u8', 'TARGET_HEADER: number of the name of interest'],
  missing: ['u32', 'km_action of the reply where there is no such cluster'],
  unavailable: ['u32', 'km_action of the reply where no endpoint may be chosen'],
  guard: ['u32', 'first km_guard; 0: none'],
  reason: ['u16', 'TARGET_SLOW: SLOW_*'],
  edits: ['u16', 'rows of km_edits, which stand in front of the pieces (editing.ts); 0: the response stays as it is'],
})

/** km_target.cluster: it is not in the snapshot */
export const NO_CLUSTER = 0xffffffff

// ---------------------------------------------------------------- guards

/** km_guard.kind. The request is answered by km_action `reply` */
export const GUARD_REPLY = 1
/** user space decides */
export const GUARD_SLOW = 2
/** a token is taken of bucket `bucket`; where there is none, the request is answered by `reply` */
export const GUARD_LIMIT = 3

/** km_guard.flags: it acts where the condition does not hold */
export const GUARD_UNLESS = 1

/** Guards that one request may meet; a route with more of them goes to user space. */
export const GUARDS_MAX = 8

export const guard = layout(
  'km_guard',
  'What an HTTP filter does to a request in front of the router. A condition that is not known ends in user space.',
  {
    kind: ['u8', 'GUARD_*'],
    flags: ['u8', 'GUARD_UNLESS'],
    reason: ['u16', 'GUARD_SLOW: SLOW_*'],
    condition: ['u32', 'row of a condition; CONDITION_YES: it always acts'],
    numerator: ['u32', 'of the share of requests that it acts on'],
    denominator: ['u32', '0: on all'],
    reply: ['u32', 'km_action'],
    bucket: ['u32', 'GUARD_LIMIT: km_bucket'],
    state: ['u32', 'GUARD_LIMIT: state id whose cursor is the time of the bucket'],
    next: ['u32', 'the guard behind it; 0: none'],
  },
)

/**
 * A token bucket as one time, km_state.cursor, 2^62 and the nanoseconds of the monotonic clock: what it holds is what came in since then. A request moves it on by `cost` from
 * max(cursor, now - burst), and is refused where that would be later than now. 0: never used, it is full.
 * Source: Envoy's common/common/token_bucket_impl.h (AtomicTokenBucketImpl).
 */
export const bucket = layout('km_bucket', 'A token bucket.', {
  cost: ['u64', 'nanoseconds in which one token comes'],
  burst: ['u64', 'nanoseconds in which it fills'],
  numerator: ['u32', 'of the share of refusals that are enforced'],
  denominator: ['u32', '0: all'],
  pad: ['u64', '0'],
})

// ---------------------------------------------------------------- hash policies

/** km_hash.kind */
export const HASH_HEADER = 1
export const HASH_COOKIE = 2
export const HASH_QUERY = 3
export const HASH_SOURCE = 4

/** km_hash.flags: nothing behind it counts once there is a hash */
export const HASH_TERMINAL = 1
/** HASH_COOKIE: where the cookie is missing, user space makes one up */
export const HASH_MAKES = 2

/** Policies of one route; one with more of them goes to user space. */
export const HASHES_MAX = 4

export const hash = layout('km_hash', 'One hash policy of a route.', {
  kind: ['u8', 'HASH_*'],
  flags: ['u8', 'HASH_TERMINAL, HASH_MAKES'],
  slot: [
    'u16',
    'HASH_HEADER, HASH_COOKIE: the header, by its number; HASH_SOURCE: x-forwarded-for, with which the request goes to user space',
  ],
  name: ['u32', 'HASH_COOKIE, HASH_QUERY: row of the name'],
  length: ['u32', 'bytes of it'],
  pad0: ['u32', '0'],
  pad1: ['u64[2]', '0'],
})

// ---------------------------------------------------------------- pieces

/** km_piece.kind */
/** `length` bytes: 24 in the row, the rest in the rows behind it */
export const PIECE_TEXT = 1
/** value of the header of interest `source`, nothing where it is missing */
export const PIECE_HEADER = 2
/** what stands before the target: the method and a space */
export const PIECE_METHOD = 3
/** target from its byte `source` on; SOURCE_QUERY: from the question mark on */
export const PIECE_TARGET = 4
/** the same without query */
export const PIECE_PATH = 5
/** behind the question mark */
export const PIECE_QUERY = 6
/** value of Host */
export const PIECE_HOST = 7
/** value of Host without its port; `source` HOST_PORT_80: only if that is 80 */
export const PIECE_HOST_NAME = 8
/** address of the client, or what it dialled, and their ports; `source` 1: IPv6 in brackets */
export const PIECE_SOURCE = 9
export const PIECE_SOURCE_PORT = 10
export const PIECE_ASKED = 11
export const PIECE_ASKED_PORT = 12
/** the time, as a Date header has it (km_clock) */
export const PIECE_DATE = 13
/** a text that only those get who asked for the connection to be closed */
export const PIECE_CLOSE = 14
/** all header lines of the request that were not dropped; with `source` REST_ENDS the empty line behind them, too */
export const PIECE_REST = 15
/** what is before was the head of a reply: the answer to HEAD ends here */
export const PIECE_BODY = 16
/** the request goes to user space if it has the header `slot` */
export const PIECE_SLOW_IF = 17

/** the request line: as it came, what is before its target, or what of it is left from byte `source` of the target on (SOURCE_QUERY as above) */
export const PIECE_LINE = 18
export const PIECE_LINE_BEGIN = 19
export const PIECE_LINE_END = 20
/** both with a text of at most PIECE_TEXT_BYTES between them */
export const PIECE_LINE_PREFIX = 21

/** the path without query, with a regex replaced in it (km_replacement in `text`, replacing.ts) */
export const PIECE_REPLACED = 22

/** PIECE_REST */
export const REST_ENDS = 1
/** PIECE_TARGET, PIECE_PATH, PIECE_LINE_END */
export const SOURCE_QUERY = 0xffff
/** PIECE_HOST_NAME */
export const HOST_PORT_80 = 1

/** km_piece.how, low bits: the line that begins here, and what becomes of the line of header `slot` that the request has */
/** no line begins */
export const LINE_NONE = 0
/** the other stays */
export const LINE_ADD = 1
/** the other goes; no line begins (a removal) */
export const LINE_DROP = 2
/** the other goes */
export const LINE_OVERWRITE = 3
/** the other goes; without one there is no line */
export const LINE_OVERWRITE_IF = 4
/** only if there is no other */
export const LINE_IF_ABSENT = 5
/** the other goes; its value, where there is one, and a comma stand before this one's (inline headers) */
export const LINE_JOIN = 6
export const LINE_MASK = 7
/** the line ends with this piece; without a value it is taken back, and the other stays */
export const LINE_ENDS = 8
/** it stays without a value, too */
export const LINE_KEEP = 16
/** `length` of a piece that is not a text: no limit */
export const PIECE_WHOLE = 0xffff
/** km_piece.slot: the line is that of Host */
export const SLOT_HOST = 0xfffe
/** km_piece.slot: no name of interest */
export const SLOT_NONE = 0xffff

/** Bytes of a text in its first row. */
export const PIECE_TEXT_BYTES = 24

export const piece = layout('km_piece', 'One piece of a head or a reply.', {
  kind: ['u8', 'PIECE_*'],
  how: ['u8', 'LINE_*. A text that begins a line is the name with colon and space; the pieces behind it are the value'],
  slot: ['u16', 'number of the name of interest whose line it is; of a part of a value: nothing of it where the request has this header'],
  source: ['u16', 'PIECE_HEADER: number of the name of interest; PIECE_TARGET, PIECE_PATH: byte'],
  length: ['u16', 'PIECE_TEXT: bytes of it; else the most that is taken, PIECE_WHOLE: all'],
  text: ['u8[24]', 'PIECE_TEXT: its first bytes'],
})

export const text = layout('km_more_text', 'Bytes of a text behind those in its piece.', {
  bytes: ['u8[32]', ''],
})

export const ACTING_LAYOUTS = [action, target, guard, bucket, hash, piece, text] as const
