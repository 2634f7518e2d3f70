/**
 * What is seen of a data plane from outside: decisions as they are made, for `kmesh-runtime monitor`, and counts that outlive the rows of km_state they were made on.
 *
 * In: nothing. Out: layouts and constants. Programs write into km_decisions only while somebody listens: km_monitor.until is a time that a monitor puts off again and again; one that was
 * killed is forgotten when it has passed, by the first program that meets it. Programs know nothing of km_tally.
 */
import { layout } from './layout.ts'
import { OWNER_KINDS, type OwnerKind } from './owner-key.ts'

/** Bytes of km_decisions. */
export const DECISION_BYTES = 1 << 19
/** How long a monitor is listened to after it last said that it is there, in nanoseconds. */
export const MONITOR_LEASE = 2_000_000_000

/** km_decision.kind */
/** a connection, or the first datagram to a service, was given an endpoint */
export const DECIDED_GIVEN = 1
/** a connection or datagram was refused, for `reason` */
export const DECIDED_REFUSED = 2
/** a connection that was given an endpoint never came to be, for `reason` */
export const DECIDED_FAILED = 3
/** a connection whose requests are routed one by one was accepted on this node */
export const DECIDED_ACCEPTED = 4
/** a request was sent to an endpoint by the kernel */
export const DECIDED_REQUEST = 5
/** a request was answered by the kernel, with `status` */
export const DECIDED_REPLY = 6
/** a connection went to user space with the request under way, for `reason` (SLOW_REASONS) */
export const DECIDED_SLOW = 7

/** km_failure: local replies of the kernel by status are counted under REPLY_BASE + status, beside the reasons of abi.ts and http/sockets.ts. */
export const REPLY_BASE = 1024

export const monitor = layout('km_monitor', 'Is somebody listening? One row, which user space maps.', {
  until: ['u64', 'monotonic nanoseconds; 0: nobody listens'],
  lost: ['u64', 'decisions that found no room in km_decisions, in all'],
})

export const decision = layout('km_decision', 'One decision. Ids that are not known are 0.', {
  time: ['u64', 'monotonic nanoseconds'],
  cookie: ['u64', 'of the client socket'],
  generation: ['u64', 'that decided'],
  asked: ['u8[16]', 'what was dialled, IPv4-mapped or IPv6'],
  peer: ['u8[16]', 'endpoint, IPv4-mapped or IPv6'],
  asked_port: ['u16', 'host order'],
  peer_port: ['u16', 'host order'],
  kind: ['u32', 'DECIDED_*'],
  reason: ['u32', 'REASONS; SLOW_REASONS of DECIDED_SLOW'],
  status: ['u32', 'of DECIDED_REPLY'],
  protocol: ['u32', '6 or 17'],
  listener: ['u32', 'state id'],
  cluster: ['u32', 'state id'],
  endpoint: ['u32', 'state id'],
  route: ['u32', 'state id'],
  owner: ['u32', 'state id of who refused'],
})

export const tallyKey = layout('km_tally_key', 'Whose counter.', {
  owner: ['u32', 'TALLY_*'],
  counter: ['u32', 'of departed owners: a key of km_failure, or TALLY_CONNECTIONS and TALLY_FAILURES'],
})

/** Owner of the one word that is odd while counts move from rows to here. */
export const TALLY_TURN = 0
/** Owners of kind k whose ids have b bits and that are gone: TALLY_DEPARTED + k * TALLY_WIDTHS + b */
export const TALLY_DEPARTED = 1024
export const TALLY_WIDTHS = 32
/** Counters of departed owners, beside those of km_failure. */
export const TALLY_CONNECTIONS = 1 << 16
export const TALLY_FAILURES = (1 << 16) + 1

/** What processes of the runtime count: words of the one row of km_runtime, which they map and add to. Never renumbered. */
export const RUNTIME_COUNTERS = {
  artifact_applied: 1,
  artifact_failed: 2,
  artifact_refused: 3,
  delta_applied: 4,
  delta_failed: 5,
  rollback_applied: 6,
  rollback_failed: 7,
  holder_lost: 8,
  slow_connections: 32,
  slow_requests: 33,
  slow_refused: 34,
  slow_answered: 35,
  slow_forwarded: 36,
  slow_retries: 37,
  slow_timeouts: 38,
  slow_upstream_failures: 39,
  slow_cut_off: 40,
  slow_mirrored: 41,
  slow_tunnels: 42,
  slow_waypoint: 43,
  slow_no_waypoint: 44,
  slow_http2: 45,
  slow_returned: 46,
} as const
export type RuntimeCounter = keyof typeof RUNTIME_COUNTERS
/** + status: answers of user space itself */
export const RUNTIME_REPLY = 256
export const RUNTIME_WORDS = 1024

export function departedOwner(kind: OwnerKind, id: number): number {
  return TALLY_DEPARTED + OWNER_KINDS[kind] * TALLY_WIDTHS + idWidth(id)
}

/** Bits of a state id: rows of ids below 2^n have at most n. */
export function idWidth(id: number): number {
  return 32 - Math.clz32(id)
}

export const WATCHING_LAYOUTS = [monitor, decision, tallyKey] as const
