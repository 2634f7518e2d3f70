/**
 * Replies that Envoy gives itself, as pieces. In: a status, a body and headers, and the levels whose response headers count. Out: a km_action row of kind REPLY, or
 * why user space must answer. compiler/action/local-reply.ts and response-headers.ts are the meaning; what the codec adds was seen on a real Envoy.
 *
 * Two answers are made of each: for gRPC requests it is 200 with grpc-status. To HEAD goes the same head without the body. A request whose body is still on its
 * way gets no "connection: close", as the kernel has all of it: that is a difference to Envoy.
 */
import { ACTION_REPLY, action as actionLayout } from '../../../proto/http/acting.ts'
import { grpcMessage, grpcStatusOf } from '../../action/grpc.ts'
import type { Route, Template, VirtualHost, WeightedCluster } from '../../http/model.ts'
import { bytesOf } from '../../match/byte-text.ts'
import { createHeaderPlan, type HeaderPlan } from './header-plan.ts'
import { changesResponses, levelsOf } from './levels.ts'
import { createPieceList, type PlacedPieces } from './pieces.ts'
import { createRequestFacts } from './request-facts.ts'
import type { LoweredAction, ServiceScope } from './scope.ts'
import { statusText } from './status-text.ts'
import { ABSENT, constantOf, type FormatFacts, type Told, tellTemplate, type Value } from './values.ts'

export interface Reply {
  readonly status: number
  /** in Unicode; or bytes that are no UTF-8; or as a format, of which only what is the same for every request can be in a body */
  readonly body: string | Uint8Array | { readonly template: Template; readonly empty: '' | '-'; readonly text: string }
  /** response code details */
  readonly details: string
  readonly contentType?: string
  /** instead of the one that follows from the status */
  readonly grpcStatus?: number
  readonly location?: Value
  /** requests with one of these headers are user space's */
  readonly slowIf?: readonly string[]
}

/** Whose response headers the reply gets; without it, none. */
export interface ReplyOwner {
  readonly host: VirtualHost
  readonly route: Route
  readonly weighted: WeightedCluster | undefined
  readonly cluster: Told
}

/** `guard`: the first km_guard in front of it; 0: none */
export function lowerReply(reply: Reply, owner: ReplyOwner | undefined, guard: number, scope: ServiceScope): LoweredAction {
  // so are the answers of the holder, which has no more than these
  if (scope.service.manager.front.replies !== undefined) return { kind: 'slow', why: 'local_reply_config' }
  const key = keyOf(reply, owner, guard, scope)
  return key === undefined ? makeReply(reply, owner, guard, scope) : scope.once(key, () => makeReply(reply, undefined, guard, scope))
}

/** Of a reply that is the same whoever gives it; undefined where it is not. */
function keyOf(
  { status, body, contentType, grpcStatus, location, slowIf }: Reply,
  owner: ReplyOwner | undefined,
  guard: number,
  scope: ServiceScope,
): string | undefined {
  if (typeof body !== 'string' || location !== undefined || slowIf !== undefined) return undefined
  if (owner !== undefined && levelsOf(scope.service.routes, owner.host, owner.route, owner.weighted).some(changesResponses))
    return undefined
  return JSON.stringify([guard, status, body, contentType, grpcStatus])
}

function makeReply(reply: Reply, owner: ReplyOwner | undefined, guard: number, scope: ServiceScope): LoweredAction {
  const plain = writeReply(reply, owner, 'plain', scope)
  if (plain.kind === 'slow') return plain
  const grpc = writeReply(reply, owner, 'grpc', scope)
  if (grpc.kind === 'slow') return grpc
  const row = scope.builder.share(actionLayout, {
    kind: ACTION_REPLY,
    first: plain.first,
    count: plain.count,
    grpc: grpc.first,
    grpc_count: grpc.count,
    guard,
  })
  return { kind: 'row', row }
}

function writeReply(reply: Reply, owner: ReplyOwner | undefined, kind: 'plain' | 'grpc', scope: ServiceScope): PlacedPieces {
  const watched = new Set(reply.slowIf)
  const plan = createHeaderPlan('reply', refusedResponseHeader)
  const facts = factsOf(reply, owner, plan, watched, scope)
  if (reply.location !== undefined) plan.set('location', reply.location)
  const body = bodyOf(reply, facts)
  if (body === undefined) return { kind: 'slow', why: 'its body depends on the request' }
  if (owner !== undefined) {
    const tell = (template: Template): Told => tellTemplate(template, facts, '')
    for (const level of levelsOf(scope.service.routes, owner.host, owner.route, owner.weighted)) plan.apply(level, 'response', tell)
  }
  if (reply.contentType !== undefined) plan.set('content-type', textValue(reply.contentType))
  if (plan.slow !== '') return { kind: 'slow', why: plan.slow }
  const status = kind === 'grpc' ? 200 : reply.status
  const silent = kind === 'grpc' || body === ''
  const list = createPieceList(scope)
  for (const name of watched) list.slowIf(name)
  if (kind === 'grpc') speakGrpc(plan, reply, body)
  else if (silent) plan.drop('content-type')
  else if (plan.header('content-type').kind === 'absent') plan.set('content-type', textValue('text/plain'))
  plan.drop('content-length')
  plan.drop('server')
  list.text(`HTTP/1.1 ${status} ${statusText(status)}\r\n`)
  for (const name of plan.changed) {
    const state = plan.state(name)
    if (state.kind === 'decided') return { kind: 'slow', why: `${name} of its reply depends on the request` }
    for (const { value, empty } of state.added) list.line('add', name, value, empty)
  }
  if (plan.header('date').kind === 'absent') {
    list.text('date: ')
    list.date()
    list.text('\r\n')
  }
  list.text(`server: ${scope.service.manager.serverName}\r\n`)
  list.close('connection: close\r\n')
  if (status !== 204 && (status !== 304 || body !== '')) list.text(`content-length: ${silent ? 0 : body.length}\r\n`)
  list.text('\r\n')
  // these have none, whatever their other headers say
  if (!silent && status !== 204 && status !== 304) {
    list.body()
    list.text(body)
  }
  return list.finish()
}

function factsOf(
  reply: Reply,
  owner: ReplyOwner | undefined,
  plan: HeaderPlan,
  watched: Set<string>,
  { service }: ServiceScope,
): FormatFacts {
  const request = createHeaderPlan('request', () => '')
  const facts = createRequestFacts({
    service,
    plan: request,
    authority: { kind: 'value', value: [{ kind: 'host' }] },
    routeName: owner?.route.name ?? '',
    cluster: owner?.cluster ?? ABSENT,
    slowIf: (name) => watched.add(name),
  })
  return {
    ...facts,
    responseHeader: (name) => plan.header(name),
    details: reply.details,
    body: typeof reply.body === 'string' ? reply.body : reply.body instanceof Uint8Array ? byteText(reply.body) : reply.body.text,
  }
}

function byteText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

/** One character a byte; undefined: it is not the same for every request. */
function bodyOf({ body }: Reply, facts: FormatFacts): string | undefined {
  if (typeof body === 'string') return bytesOf(body)
  if (body instanceof Uint8Array) return byteText(body)
  const told = tellTemplate(body.template, { ...facts, details: undefined }, body.empty)
  return told.kind === 'value' ? constantOf(told.value) : undefined
}

/** Source: compiler/action/local-reply.ts. A body is a message; HEAD, whose answer has none, is user space's. */
function speakGrpc(plan: HeaderPlan, { status, grpcStatus }: Reply, body: string): void {
  plan.set('content-type', textValue('application/grpc'))
  if (plan.header('grpc-status').kind === 'absent') plan.set('grpc-status', textValue(String(grpcStatus ?? grpcStatusOf(status))))
  if (body !== '' && plan.header('grpc-message').kind === 'absent')
    plan.set('grpc-message', textValue(grpcMessage(Buffer.from(body, 'latin1').toString('utf8'))))
}

/** '' when the kernel can do it */
function refusedResponseHeader(name: string): string {
  return name.startsWith(':') || FRAMING.has(name) ? `its reply changes ${name}` : ''
}

const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function textValue(text: string): Value {
  return [{ kind: 'text', text: bytesOf(text) }]
}
