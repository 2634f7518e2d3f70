/**
 * What routes do, as rows (proto/http/acting.ts). In: a route, its virtual host and the service. Out: a km_action row, or why its requests are user space's. The reasons are
 * printed to users. compiler/action and compiler/http/eval.ts are the meaning.
 */
import {
  ACTION_FORWARD,
  ACTION_KEEPS,
  ACTION_NO_GRPC,
  action as actionLayout,
  CHOICE_HASH,
  CHOICE_ONLY,
  CHOICE_RANDOM,
  NO_CLUSTER,
  TARGET_CLUSTER,
  TARGET_HEADER,
  TARGET_SLOW,
  target as targetLayout,
} from '../../../proto/http/acting.ts'
import { RETRIED_FIRST, RETRIED_WORDS, retried } from '../../../proto/http/keeping.ts'
import { NAME_CLUSTER } from '../../../proto/http/matching.ts'
import { SLOW_REASONS } from '../../../proto/http/sockets.ts'
import type { DirectResponseAction, ForwardAction, RedirectAction, Route, VirtualHost, WeightedCluster } from '../../http/model.ts'
import { type Criteria, mergeCriteria, NO_CRITERIA } from '../../http/subset-criteria.ts'
import { bytesOf } from '../../match/byte-text.ts'
import { forwardReason, needsNoGrpc, retriedStatuses, timeoutOf } from './forward-reason.ts'
import { type GuardedPlace, lowerGuards } from './guards.ts'
import { lowerHashPolicies } from './hash-policies.ts'
import type { Slow } from './lowered.ts'
import { locationOf, ownLocation } from './locations.ts'
import { lowerReply, type Reply, type ReplyOwner } from './replies.ts'
import { levelsOf } from './levels.ts'
import { lowerRequestHead } from './request-head.ts'
import { lowerResponseEdits } from './response-edits.ts'
import type { ActionLowering, LoweredAction, ServiceScope } from './scope.ts'
import { ABSENT, type Told, told, toldText } from './values.ts'

const FORWARDED = ['x-forwarded-proto']

export const actionLowering: ActionLowering = {
  route(route, host, scope) {
    const { undone, path } = scope.service
    const why = undone.get(route.path) ?? undone.get(host.path) ?? undone.get(path)
    if (why !== undefined) return { kind: 'slow', ...why }
    switch (route.action.kind) {
      case 'route':
        return lowerForward(route.action, route, host, scope)
      case 'redirect':
        return answerWith(redirectReply(route.action, route), route, host, scope)
      case 'direct_response':
        return answerWith(directReply(route.action, route.action.status), route, host, scope)
      case 'non_forwarding':
      case 'none':
        return answerWith({ status: 503, body: '', details: 'cluster_not_found' }, route, host, scope)
    }
  },
  nowhere: (host, scope) => answerUnowned({ status: 404, body: '', details: 'route_not_found' }, host, scope),
  requireTls: (host, scope) =>
    answerUnowned(
      {
        status: 301,
        body: '',
        details: 'direct_response',
        location: [{ kind: 'text', text: 'https://' }, { kind: 'host' }, { kind: 'target', from: 0 }],
      },
      host,
      scope,
    ),
}

// ---------------------------------------------------------------- answers

type Answered = Reply | Slow

function answerWith(reply: Answered, route: Route, host: VirtualHost, scope: ServiceScope): LoweredAction {
  if ('why' in reply) return reply
  const guards = lowerGuards({ scope, host, route, weighted: undefined, cluster: ABSENT, clusterName: undefined })
  if (guards.kind === 'slow') return guards
  return lowerReply(reply, { host, route, weighted: undefined, cluster: ABSENT }, guards.first, scope)
}

/** Where no route took the request: filters see it, no level's headers belong to the answer. */
function answerUnowned(reply: Reply, host: VirtualHost | undefined, scope: ServiceScope): LoweredAction {
  const { undone, path } = scope.service
  const why = (host === undefined ? undefined : undone.get(host.path)) ?? undone.get(path)
  if (why !== undefined) return { kind: 'slow', ...why }
  const guards = lowerGuards({ scope, host, route: undefined, weighted: undefined, cluster: ABSENT, clusterName: undefined })
  return guards.kind === 'slow' ? guards : lowerReply(reply, undefined, guards.first, scope)
}

function redirectReply(action: RedirectAction, route: Route): Answered {
  const location = locationOf(action, route.match)
  if (location.kind === 'slow') return location
  return { status: action.status, body: '', details: 'direct_response', location: location.value, slowIf: FORWARDED }
}

/** With a 3xx code or 201 it has a Location, the request's own URI. */
function directReply({ body, bodyFormat }: DirectResponseAction, status: number): Answered {
  if (body?.kind === 'elsewhere') return { kind: 'slow', why: `its body is in ${body.what}`, waypoint: true }
  if (status < 200 || status > 599) return { kind: 'slow', why: `the status ${status}` }
  const text = body?.text ?? ''
  const moved = status === 201 || (status >= 300 && status < 400)
  const common = {
    status,
    details: 'direct_response',
    ...(moved && { location: ownLocation(), slowIf: FORWARDED }),
    ...(bodyFormat?.contentType !== undefined && { contentType: bodyFormat.contentType }),
  }
  if (bodyFormat === undefined) return { ...common, body: body?.bytes ?? text }
  const { form, omitEmptyValues } = bodyFormat
  if (form.kind === 'elsewhere') return { kind: 'slow', why: `its body is in ${form.what}`, waypoint: true }
  if (form.kind === 'json') return { kind: 'slow', why: 'a JSON body format' }
  return { ...common, body: { template: form.template, empty: omitEmptyValues ? '' : '-', text } }
}

// ---------------------------------------------------------------- forwards

function lowerForward(action: ForwardAction, route: Route, host: VirtualHost, scope: ServiceScope): LoweredAction {
  const why = forwardReason(action, host, scope.service.routes)
  if (why !== '') return { kind: 'slow', why }
  const hashes = lowerHashPolicies(action.hash, scope)
  if (hashes.kind === 'slow') return hashes
  const { cluster } = action
  if (cluster.kind === 'plugin') return { kind: 'slow', why: `the cluster specifier plugin ${cluster.type}`, waypoint: true }
  if (cluster.kind === 'weighted' && (cluster.headerName !== undefined || cluster.total === 0))
    return { kind: 'slow', why: 'weighted_clusters that a header chooses from' }
  const weighted: readonly (WeightedCluster | undefined)[] = cluster.kind === 'weighted' ? cluster.clusters : [undefined]
  let upto = 0
  const targets: { readonly layout: typeof targetLayout; readonly values: Readonly<Record<string, number>> }[] = []
  const reasons: Slow[] = []
  for (const one of weighted) {
    upto += one?.weight ?? 0
    const name = one?.name ?? (cluster.kind === 'cluster' ? cluster.name : '')
    const header =
      one === undefined ? (cluster.kind === 'header' ? cluster.header : undefined) : name === '' ? (one.header ?? '') : undefined
    const target = lowerTarget({ action, route, host, scope, weighted: one, name, header })
    if (target.kind === 'slow') reasons.push(target)
    const values = target.kind === 'slow' ? { kind: TARGET_SLOW, reason: SLOW_REASONS.route } : target.values
    targets.push({ layout: targetLayout, values: { ...values, upto } })
  }
  // where all of them are user space's, so is the route
  if (reasons.length === targets.length) return reasons[0] ?? { kind: 'slow', why: 'it has no cluster' }
  const again = retriedStatuses(action.retry ?? host.retry)
  const row = scope.builder.share(actionLayout, {
    kind: ACTION_FORWARD,
    flags: (needsNoGrpc(action, host) ? ACTION_NO_GRPC : 0) | (again === undefined ? 0 : ACTION_KEEPS),
    grpc: again === undefined ? 0 : scope.builder.share(retried, { statuses: statusBits(again) }),
    choice: cluster.kind !== 'weighted' ? CHOICE_ONLY : cluster.useHashPolicy ? CHOICE_HASH : CHOICE_RANDOM,
    hashes: hashes.count,
    hash: hashes.first,
    count: targets.length,
    first: scope.builder.shareRun(targets),
    total: upto,
    timeout: timeoutOf(action, host),
  })
  return { kind: 'row', row }
}

/** little endian words, one bit a status */
function statusBits(statuses: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(RETRIED_WORDS * 8)
  for (const status of statuses) {
    const bit = status - RETRIED_FIRST
    bytes[bit >> 3] = (bytes[bit >> 3] as number) | (1 << (bit & 7))
  }
  return bytes
}

interface TargetPlace {
  readonly action: ForwardAction
  readonly route: Route
  readonly host: VirtualHost
  readonly scope: ServiceScope
  readonly weighted: WeightedCluster | undefined
  /** '' where `header` names it */
  readonly name: string
  readonly header: string | undefined
}

type LoweredTarget = { readonly kind: 'target'; readonly values: Readonly<Record<string, number>> } | Slow

function lowerTarget(place: TargetPlace): LoweredTarget {
  const { action, route, host, scope, weighted, name, header } = place
  const { context } = scope.builder
  const named = header === undefined
  if (!named && (header === '' || header.startsWith(':') || header === 'host'))
    return { kind: 'slow', why: 'cluster_header of a pseudo header' }
  const criteria = mergeCriteria(action.criteria, weighted?.criteria ?? NO_CRITERIA)
  const slow = named ? context.slowCluster(name, criteria) : undefined
  if (slow !== undefined) return slow
  const cluster: Told = named ? toldText(name) : told({ kind: 'header', name: header })
  const guarded: GuardedPlace = { scope, host, route, weighted, cluster, clusterName: name }
  const guards = lowerGuards(guarded)
  if (guards.kind === 'slow') return guards
  const levels = levelsOf(scope.service.routes, host, route, weighted)
  const edits = lowerResponseEdits({ scope, route, levels, cluster })
  if (edits.kind === 'slow') return edits
  const head = lowerRequestHead({ scope, host, route, action, weighted, cluster, clusterName: name, before: edits.rows })
  if (head.kind === 'slow') return head
  const owner: ReplyOwner = { host, route, weighted, cluster }
  const missing = lowerReply({ status: action.clusterNotFoundStatus, body: '', details: 'cluster_not_found' }, owner, 0, scope)
  const unavailable = lowerReply({ status: 503, body: 'no healthy upstream', details: 'no_healthy_upstream' }, owner, 0, scope)
  if (missing.kind === 'slow') return missing
  if (unavailable.kind === 'slow') return unavailable
  const slot = named ? 0 : nameClusters(header, criteria, scope)
  if (slot === undefined) return { kind: 'slow', why: 'cluster_header among clusters that cannot be told apart here' }
  const values = {
    kind: named ? TARGET_CLUSTER : TARGET_HEADER,
    cluster: named ? (context.cluster(name, criteria) ?? NO_CLUSTER) : 0,
    slot,
    pieces: head.kind === 'rows' ? head.first : edits.rows.length === 0 ? 0 : scope.builder.shareRun(edits.rows),
    edits: edits.rows.length,
    count: head.kind === 'rows' ? head.count : 0,
    missing: missing.row,
    unavailable: unavailable.row,
    guard: guards.first,
  }
  return { kind: 'target', values }
}

/** Slot of the header, with every cluster a name; undefined: it cannot be, or one of the clusters is user space's or has a subset for the criteria. */
function nameClusters(header: string, criteria: Criteria, scope: ServiceScope): number | undefined {
  const { builder } = scope
  const { clusterNames, cluster, slowCluster } = builder.context
  for (const name of clusterNames) {
    const index = cluster(name, NO_CRITERIA)
    if (slowCluster(name, NO_CRITERIA) !== undefined || cluster(name, criteria) !== index) return undefined
    if (!builder.name({ scope: 0, kind: NAME_CLUSTER, text: bytesOf(name), target: index ?? 0 })) return undefined
  }
  return scope.interest(header)
}
