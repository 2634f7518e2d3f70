/**
 * HTTP filters in front of the router as guards. In: the filters of a connection manager and the levels of a route. Out: the first km_guard (0: nobody stops a request),
 * or why its requests are user space's. The most specific configuration of a filter counts (trace/http-filters.ts and compiler/action are the meaning). Invariant: a filter that
 * is not understood is never passed by.
 */
import {
  bucket as bucketLayout,
  GUARD_LIMIT,
  GUARD_REPLY,
  GUARD_SLOW,
  GUARD_UNLESS,
  GUARDS_MAX,
  guard as guardLayout,
} from '../../../proto/http/acting.ts'
import { SLOW_REASONS } from '../../../proto/http/sockets.ts'
import type { CorsRule } from '../../action/cors.ts'
import type { FaultRule } from '../../action/fault.ts'
import { filterKind, inherited } from '../../action/filters.ts'
import { RESOURCE_EXHAUSTED } from '../../action/grpc.ts'
import type { LocalRateLimitRule } from '../../action/local-ratelimit.ts'
import type { RbacConfig } from '../../action/rbac.ts'
import { forwards } from '../../http/forwards.ts'
import type { FilterConfig, Fraction, PerFilter, Route, VirtualHost, WeightedCluster } from '../../http/model.ts'
import { headerMatchQuestion } from './match-question.ts'
import { lowerQuestion } from './conditions.ts'
import type { Slow } from './lowered.ts'
import { ALWAYS, type Question } from './question.ts'
import { policiesQuestion } from './rbac-question.ts'
import { lowerReply, type Reply } from './replies.ts'
import type { ServiceScope } from './scope.ts'
import type { Told } from './values.ts'

/** Whose requests the filters see; without a route, those that none took. */
export interface GuardedPlace {
  readonly scope: ServiceScope
  readonly host: VirtualHost | undefined
  readonly route: Route | undefined
  readonly weighted: WeightedCluster | undefined
  readonly cluster: Told
  /** name of the cluster where it is known; '' where a header names it, undefined where there is none */
  readonly clusterName: string | undefined
}

export type LoweredGuards = { readonly kind: 'guards'; readonly first: number } | Slow

/** One guard before it is a row. */
type Guard =
  | { readonly kind: 'reply'; readonly on: Question; readonly unless?: true; readonly share?: Fraction; readonly reply: Reply }
  | { readonly kind: 'slow'; readonly on: Question }
  | { readonly kind: 'limit'; readonly rule: LocalRateLimitRule; readonly path: string }

type Guards = readonly Guard[] | Slow

export function lowerGuards(place: GuardedPlace): LoweredGuards {
  const guards: Guard[] = []
  for (const { name, config } of place.scope.service.filters) {
    const effective = effectiveConfig(name, config, place)
    const made = guardsOf(effective, place)
    if ('why' in made) return made
    guards.push(...made)
  }
  if (guards.length > GUARDS_MAX) return { kind: 'slow', why: `more than ${GUARDS_MAX} filters decide about it` }
  let next = 0
  for (const guard of [...beforeDraws(guards)].reverse()) {
    const row = placeGuard(guard, next, place)
    if (typeof row === 'string') return { kind: 'slow', why: row }
    next = row
  }
  return { kind: 'guards', first: next }
}

/**
 * What leaves a request to user space comes before the first guard that draws a number or takes a token: user space asks all filters again, and each draws once. It decides the same then, as all
 * filters are asked there.
 */
function beforeDraws(guards: readonly Guard[]): readonly Guard[] {
  const first = guards.findIndex(draws)
  if (first < 0) return guards
  const [before, behind] = [guards.slice(0, first), guards.slice(first)]
  return [...before, ...behind.filter(({ kind }) => kind === 'slow'), ...behind.filter(({ kind }) => kind !== 'slow')]
}

function draws(guard: Guard): boolean {
  return guard.kind === 'limit' || (guard.kind === 'reply' && guard.share !== undefined)
}

/** A configuration that only says "disabled" turns off what is above it. What a virtual host says holds for its routes only. */
function effectiveConfig(name: string, config: FilterConfig, { scope, host, route, weighted }: GuardedPlace): FilterConfig {
  const levels: readonly (PerFilter | undefined)[] =
    route === undefined ? [] : [weighted?.filters, route.filters, host?.filters, scope.service.routes.filters]
  const own = inherited(levels.flatMap((level) => level?.get(name) ?? []))
  if (own === undefined) return config
  return own.data === undefined && own.disabled ? { ...config, disabled: true } : own
}

function guardsOf(config: FilterConfig, place: GuardedPlace): Guards {
  if (config.disabled) return []
  const kind = filterKind(config.type)
  if (kind === 'watching') return []
  const { data } = config
  if (kind === 'unknown' || data === undefined) return { kind: 'slow', why: `the filter ${config.type}`, waypoint: true }
  switch (kind) {
    case 'rbac':
      return rbacGuards(data as RbacConfig, place)
    case 'fault':
      return faultGuards(data as FaultRule, place)
    case 'local_ratelimit':
      return limitGuards(data as LocalRateLimitRule, config.path)
    case 'cors':
      return corsGuards(data as CorsRule, place)
  }
}

function rbacGuards({ rules, matcher }: RbacConfig, { scope }: GuardedPlace): Guards {
  if (matcher === true) return { kind: 'slow', why: 'rbac with a generic matcher', waypoint: true }
  if (rules === undefined || rules.action === 'LOG') return []
  const on = policiesQuestion(rules.policies, scope.service)
  const reply: Reply = { status: 403, body: 'RBAC: access denied', details: VARIES }
  return [rules.action === 'ALLOW' ? { kind: 'reply', on, unless: true, reply } : { kind: 'reply', on, reply }]
}

/** %RESPONSE_CODE_DETAILS% names the policy: a reply that shows it is user space's. */
const VARIES = '\u0000'

function faultGuards(rule: FaultRule, { scope, clusterName }: GuardedPlace): Guards {
  const { abort, delay, headers, upstreamCluster, downstreamNodes } = rule
  // x-envoy-downstream-service-node: requests that have it are user space's
  if (downstreamNodes.length > 0) return []
  if (upstreamCluster !== undefined) {
    if (clusterName === '') return { kind: 'slow', why: 'a fault for one upstream_cluster, where a header names the cluster' }
    if (clusterName !== upstreamCluster) return []
  }
  const on: Question = { kind: 'all', of: headers.map((one) => headerMatchQuestion(one, scope.service)) }
  const guards: Guard[] = []
  // the length of a delay that headers name is in x-envoy-*, too
  if (delay !== undefined && delay.byHeader !== true && (delay.fixed ?? 0) > 0 && delay.share.numerator > 0)
    guards.push({ kind: 'slow', on })
  if (abort !== undefined && abort.byHeader !== true && abort.share.numerator > 0) {
    const { httpStatus, grpcStatus, share } = abort
    const reply: Reply = {
      status: httpStatus ?? 200,
      body: 'fault filter abort',
      details: 'fault_filter_abort',
      ...(grpcStatus !== undefined && { grpcStatus }),
    }
    guards.push({ kind: 'reply', on, share, reply })
  }
  return guards
}

function limitGuards(rule: LocalRateLimitRule, path: string): Guards {
  if (rule.enabled.numerator === 0) return []
  if (rule.descriptors.length > 0) return { kind: 'slow', why: 'local_ratelimit with descriptors', waypoint: true }
  if (rule.bucket === undefined) return []
  if (rule.add.length > 0) return { kind: 'slow', why: 'local_ratelimit with response headers of its own' }
  return [{ kind: 'limit', rule, path }]
}

function corsGuards(rule: CorsRule, { scope, route }: GuardedPlace): Guards {
  // the connection manager's own configuration is empty: no policy
  if (!forwards(route) || (rule.enabled.numerator === 0 && rule.origins.length === 0)) return []
  // what it adds, it adds to the upstream's answer
  const origin: Question = {
    kind: 'ask',
    subject: { kind: 'header', name: 'origin' },
    comparison: { kind: 'present' },
    invert: false,
    missing: false,
  }
  return scope.interest('origin') === undefined
    ? { kind: 'slow', why: 'its service reads too many headers' }
    : [{ kind: 'slow', on: origin }]
}

/** The row, or why it cannot be one. */
function placeGuard(guard: Guard, next: number, place: GuardedPlace): number | string {
  const { scope } = place
  const { builder } = scope
  if (guard.kind === 'slow') {
    const condition = lowerQuestion(guard.on, scope)
    return condition === 0 ? next : builder.share(guardLayout, { kind: GUARD_SLOW, reason: SLOW_REASONS.route, condition, next })
  }
  if (guard.kind === 'limit') return placeLimit(guard, next, place)
  const reply = answer(guard.reply, place)
  if (typeof reply === 'string') return reply
  const condition = lowerQuestion(guard.on, scope)
  return builder.share(guardLayout, {
    kind: GUARD_REPLY,
    flags: guard.unless === true ? GUARD_UNLESS : 0,
    condition,
    ...fraction(guard.share),
    reply,
    next,
  })
}

function answer(reply: Reply, { scope, host, route, weighted, cluster }: GuardedPlace): number | string {
  // a local answer has the response headers of a route that forwards
  const owner = host === undefined || route === undefined || !forwards(route) ? undefined : { host, route, weighted, cluster }
  const lowered = lowerReply(reply, owner, 0, scope)
  return lowered.kind === 'row' ? lowered.row : lowered.why
}

const NANOSECONDS = 1_000_000
/** what a bucket's time begins with (bpf/lib/http/guard.h) */
const BUCKET_EPOCH = 1n << 62n

function placeLimit({ rule, path }: Extract<Guard, { kind: 'limit' }>, next: number, place: GuardedPlace): number | string {
  const { bucket, status, exhausted, enabled, enforced } = rule
  if (bucket === undefined) return next
  const reply = answer(
    { status, body: 'local_rate_limited', details: 'local_rate_limited', ...(exhausted && { grpcStatus: RESOURCE_EXHAUSTED }) },
    place,
  )
  if (typeof reply === 'string') return reply
  const { builder, service } = place.scope
  const interval = BigInt(Math.round(bucket.fillInterval * NANOSECONDS))
  const cost = bucket.tokensPerFill === 0 ? 0n : interval / BigInt(bucket.tokensPerFill)
  const burst = cost * BigInt(bucket.maxTokens)
  // a bucket that never holds a token has no cost
  const never = bucket.maxTokens === 0 || cost === 0n
  if (burst > BUCKET_EPOCH) return 'a token bucket that takes centuries to fill'
  const row = builder.push(guardLayout, {
    kind: GUARD_LIMIT,
    condition: lowerQuestion(ALWAYS, place.scope),
    ...fraction(enabled),
    reply,
    bucket: builder.share(bucketLayout, { cost: never ? 0n : cost, burst: never ? 0n : burst, ...fraction(enforced) }),
    state: builder.context.bucketState(service.path, path),
    next,
  })
  builder.relocate(row, guardLayout, 'state')
  return row
}

/** 0 of 0: all. */
function fraction(share: Fraction | undefined): { readonly numerator: number; readonly denominator: number } {
  if (share === undefined || share.numerator >= share.denominator) return { numerator: 0, denominator: 0 }
  return { numerator: share.numerator, denominator: share.denominator }
}
