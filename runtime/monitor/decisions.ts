/**
 * What programs tell, by name. In: rows of km_decisions and the names of the generations that are kept. Out: decisions as people and machines read them. An id that has no name is one of an owner that is gone: it is left out.
 */
import { REASONS } from '../../proto/abi.ts'
import { SLOW_REASONS } from '../../proto/http/sockets.ts'
import {
  DECIDED_ACCEPTED,
  DECIDED_FAILED,
  DECIDED_GIVEN,
  DECIDED_REFUSED,
  DECIDED_REPLY,
  DECIDED_REQUEST,
  DECIDED_SLOW,
  decision as layout,
} from '../../proto/watching.ts'
import { rowReader } from '../field.ts'
import type { Owner } from '../metrics/owners.ts'
import { placeText } from '../socket-address.ts'

export const DECISION_KINDS = {
  given: DECIDED_GIVEN,
  refused: DECIDED_REFUSED,
  failed: DECIDED_FAILED,
  accepted: DECIDED_ACCEPTED,
  request: DECIDED_REQUEST,
  reply: DECIDED_REPLY,
  'user-space': DECIDED_SLOW,
} as const
export type DecisionKind = keyof typeof DECISION_KINDS

export interface Decision {
  /** RFC 3339 with microseconds */
  readonly time: string
  readonly kind: DecisionKind | 'unknown'
  readonly protocol?: 'tcp' | 'udp'
  /** cookie of the client's socket, as ss -e shows it in hexadecimal */
  readonly socket?: string
  readonly generation?: number
  /** "ip:port" */
  readonly asked?: string
  readonly listener?: string
  readonly virtualHost?: string
  readonly route?: string
  readonly cluster?: string
  readonly endpoint?: string
  /** why it was refused, failed or went to user space */
  readonly reason?: string
  /** of an answer of the kernel */
  readonly status?: number
}

export type NameOf = (state: number) => Owner | undefined

const KIND_NAMES = byNumber(DECISION_KINDS)
const REASON_NAMES = byNumber(REASONS)
const SLOW_NAMES = byNumber(SLOW_REASONS)
const read = (row: Buffer) => rowReader(layout, row)

/** `epoch`: nanoseconds of Unix time when the monotonic clock was 0. */
export function decisionOf(row: Buffer, nameOf: NameOf, epoch: bigint): Decision {
  const { number, big, bytes } = read(row)
  const kind = number(0, 'kind')
  const labels = (field: string): Owner | undefined => (number(0, field) === 0 ? undefined : nameOf(number(0, field)))
  const owner = labels('owner')
  const cluster = labels('cluster') ?? (owner?.kind === 'cluster' ? owner : undefined)
  const route = labels('route')
  const listener = labels('listener') ?? (owner?.kind === 'listener' ? owner : undefined)
  const endpoint = labels('endpoint') ?? (owner?.kind === 'endpoint' ? owner : undefined)
  const place = (address: string, port: string): string | undefined =>
    number(0, port) === 0 ? undefined : placeText({ address: bytes(0, address), port: number(0, port) })
  const protocol = number(0, 'protocol')
  const fields: Readonly<Record<keyof Decision, string | number | undefined>> = {
    time: timeText(big(0, 'time') + epoch),
    kind: KIND_NAMES.get(kind) ?? 'unknown',
    protocol: protocol === 6 ? 'tcp' : protocol === 17 ? 'udp' : undefined,
    socket: big(0, 'cookie') === 0n ? undefined : big(0, 'cookie').toString(16),
    generation: big(0, 'generation') === 0n ? undefined : Number(big(0, 'generation')),
    asked: place('asked', 'asked_port'),
    listener: listener?.labels[0],
    virtualHost: route?.labels[1],
    route: route?.labels[2],
    cluster: cluster?.labels[0] ?? endpoint?.labels[0],
    endpoint: kind === DECIDED_ACCEPTED ? undefined : (place('peer', 'peer_port') ?? endpoint?.labels[1]),
    reason: reasonOf(kind, number(0, 'reason')),
    status: number(0, 'status') === 0 ? undefined : number(0, 'status'),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as Decision
}

function reasonOf(kind: number, reason: number): string | undefined {
  if (kind === DECIDED_SLOW) return SLOW_NAMES.get(reason) ?? `reason ${reason}`
  return reason === REASONS.none ? undefined : (REASON_NAMES.get(reason) ?? `reason ${reason}`)
}

function timeText(nanoseconds: bigint): string {
  const microseconds = nanoseconds / 1000n
  const fraction = String(microseconds % 1_000_000n).padStart(6, '0')
  return new Date(Number(microseconds / 1_000_000n) * 1000).toISOString().replace('.000Z', `.${fraction}Z`)
}

/** One line: what was asked, what came of it. */
export function decisionText(decision: Decision): string {
  const { time, kind, protocol, asked, listener, virtualHost, route, cluster, endpoint, reason, status, socket } = decision
  const parts = [
    [protocol, asked].filter(Boolean).join(' '),
    named('listener', listener),
    named('virtual_host', virtualHost),
    named('route', route),
    named('cluster', cluster),
    named('endpoint', endpoint),
    named('reason', reason),
    named('status', status === undefined ? undefined : String(status)),
    named('socket', socket),
  ].filter((part) => part !== '')
  return `${time.slice(11, 26)} ${kind.padEnd(10)} ${parts.join('  ')}`
}

/** Names may have anything in them, also what a terminal obeys. */
function named(what: string, value: string | undefined): string {
  if (value === undefined) return ''
  return `${what}=${/^[^\s"\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value).replace(/[\u007f-\u009f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}`
}

function byNumber<T extends string>(numbers: Readonly<Record<T, number>>): ReadonlyMap<number, T> {
  return new Map((Object.entries(numbers) as [T, number][]).map(([name, number]) => [number, name]))
}
