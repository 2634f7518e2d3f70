/**
 * The head that a cluster gets of a request, as pieces. In: a route that forwards, with the levels around it. Out: pieces, nothing where the head goes on as it came, or
 * why user space must write it. First the headers of all levels, then the authority, then the path, so that formats see the path as it was.
 * compiler/action/forward.ts is the meaning. x-envoy-*, x-request-id and x-forwarded-proto, which Envoy writes for its upstream, are not written here.
 */
import { PIECE_TEXT_BYTES } from '../../../proto/http/acting.ts'
import { isHeaderName } from '../../match/header-name.ts'
import type { ForwardAction, HostRewrite, Route, Template, VirtualHost, WeightedCluster } from '../../http/model.ts'
import { bytesOf } from '../../match/byte-text.ts'
import { createHeaderPlan, type HeaderPlan } from './header-plan.ts'
import { levelsOf } from './levels.ts'
import { rewriteTarget } from './path-rewrites.ts'
import { createPieceList, type PieceList, type PlacedPieces, type Row } from './pieces.ts'
import { createRequestFacts, refusedRequestHeader } from './request-facts.ts'
import type { ServiceScope } from './scope.ts'
import { ABSENT, constantOf, isSure, type Told, tellTemplate, told, toldText, type Value } from './values.ts'

/** What a forward belongs to. */
export interface ForwardPlace {
  readonly scope: ServiceScope
  readonly host: VirtualHost
  readonly route: Route
  readonly action: ForwardAction
  readonly weighted: WeightedCluster | undefined
  /** the name of the cluster; a header's value where a header names it */
  readonly cluster: Told
  /** '' where a header names it */
  readonly clusterName: string
  /** rows that stand in front of the pieces */
  readonly before: readonly Row[]
}

export type LoweredHead = { readonly kind: 'same' } | PlacedPieces

export function lowerRequestHead(place: ForwardPlace): LoweredHead {
  const { scope, route, action, weighted } = place
  const { manager, routes } = scope.service
  const watched = new Set<string>()
  const plan = createHeaderPlan('request', (name, what) => refusedRequestHeader(name, what, manager))
  let authority: Told = told({ kind: 'host' })
  let rewritten: Value | undefined
  const tell = (template: Template, empty: '' | '-' = ''): Told =>
    tellTemplate(
      template,
      createRequestFacts({
        service: scope.service,
        plan,
        authority,
        routeName: route.name,
        cluster: place.cluster,
        slowIf: (name) => watched.add(name),
      }),
      empty,
    )
  for (const [index, level] of levelsOf(routes, place.host, route, weighted).entries()) {
    const odd = level.requestAdd.find(({ name }) => !isHeaderName(name))
    if (odd !== undefined) return { kind: 'slow', why: `${JSON.stringify(odd.name)} is no header name` }
    plan.apply(level, 'request', tell)
    if (index === 0 && weighted?.hostRewriteLiteral !== undefined) {
      rewritten = [{ kind: 'text', text: bytesOf(weighted.hostRewriteLiteral) }]
      authority = told(...rewritten)
    }
  }
  const host =
    action.hostRewrite === undefined
      ? undefined
      : rewriteHost(action.hostRewrite, { plan, tell, names: scope.service.hostNames.get(place.clusterName) })
  if (host?.kind === 'slow') return host
  // a rewrite that may give nothing leaves the weighted cluster's
  if (host?.kind === 'value' && !isSure(host.value) && rewritten !== undefined) return { kind: 'slow', why: 'two host rewrites' }
  if (host?.kind === 'value') {
    rewritten = host.value
    // a rewritten path may name it, but for the name of the endpoint, which comes last
    if (action.hostRewrite?.kind !== 'auto')
      authority = isSure(host.value) ? host : { kind: 'slow', why: 'a format reads an authority that may be rewritten' }
    if (action.appendXForwardedHost) {
      if (!isSure(host.value) || weighted?.hostRewriteLiteral !== undefined) return { kind: 'slow', why: 'append_x_forwarded_host' }
      const why = forwardHost(plan, watched)
      if (why !== '') return { kind: 'slow', why }
    }
  }
  const target = rewriteTarget(action.pathRewrite, route.match, (template) => tell(template))
  if (target.kind === 'slow') return target
  if (plan.slow !== '') return { kind: 'slow', why: plan.slow }
  if (manager.useRemoteAddress && !manager.skipXffAppend && plan.state('x-forwarded-for').kind === 'came') {
    // a client's own is barred (service-settings.ts)
    plan.set('x-forwarded-for', [{ kind: 'source', brackets: false }])
  }
  if (target.kind === 'same' && rewritten === undefined && plan.changed.length === 0) return { kind: 'same' }
  const list = createPieceList(scope)
  for (const name of watched) list.slowIf(name)
  writeLine(list, target)
  writeHeaders(list, plan, rewritten)
  return list.finish(place.before)
}

/** absent: the host stays. Source: compiler/action/host-rewrite.ts. */
interface HostFacts {
  readonly plan: HeaderPlan
  readonly tell: (template: Template, empty: '' | '-') => Told
  /** of the cluster's endpoints; undefined: nobody knows which cluster that is */
  readonly names: readonly string[] | undefined
}

function rewriteHost(rewrite: HostRewrite, { plan, tell, names }: HostFacts): Told {
  switch (rewrite.kind) {
    case 'literal':
      return toldText(rewrite.text)
    case 'header':
      return rewrite.header.startsWith(':') || rewrite.header === 'host'
        ? { kind: 'slow', why: 'host_rewrite_header of a pseudo header' }
        : plan.header(rewrite.header)
    case 'format': {
      const host = tell(rewrite.template, '-')
      return host.kind === 'value' && constantOf(host.value) === '' ? { kind: 'absent' } : host
    }
    case 'path_regex':
      return told({ kind: 'replaced', pattern: rewrite.regex.source, substitution: bytesOf(rewrite.substitution), needed: 'nothing' })
    case 'auto':
      return nameOfAll(names)
  }
}

/** The endpoint is chosen when the head is written, so that all must have the same name, or none. */
function nameOfAll(names: readonly string[] | undefined): Told {
  if (names === undefined) return { kind: 'slow', why: 'auto_host_rewrite of a cluster that is not known beforehand' }
  const [name = '', more] = names
  if (more !== undefined) return { kind: 'slow', why: 'auto_host_rewrite to endpoints of different names' }
  return name === '' ? ABSENT : toldText(name)
}

/** x-forwarded-host: the host that the client asked for. A request that has one already is user space's; an empty host adds none. */
function forwardHost(plan: HeaderPlan, watched: Set<string>): string {
  const name = 'x-forwarded-host'
  const state = plan.state(name)
  if (state.kind !== 'came' || state.added.length > 0) return 'append_x_forwarded_host of a header that is changed as well'
  watched.add(name)
  plan.set(name, [{ kind: 'host' }])
  return ''
}

function writeLine(list: PieceList, target: ReturnType<typeof rewriteTarget>): void {
  if (target.kind !== 'value') {
    list.requestLine()
    return
  }
  const [text, end, more] = target.value
  if (text?.kind === 'text' && text.text.length <= PIECE_TEXT_BYTES && end?.kind === 'target' && more === undefined) {
    list.linePrefix(text.text, end.from)
    return
  }
  list.lineBegin()
  const last = target.value.at(-1)
  const rest = last?.kind === 'target' && last.most === undefined && last.unless === undefined ? last : undefined
  for (const part of rest === undefined ? target.value : target.value.slice(0, -1)) list.part(part)
  if (rest === undefined) list.text(' HTTP/1.1\r\n')
  else list.lineEnd(rest.from)
}

/** What replaces lines of the request comes before its other lines, what is added to them behind. */
function writeHeaders(list: PieceList, plan: HeaderPlan, host: Value | undefined): void {
  if (host !== undefined) list.line('overwrite', 'host', host, 'drop')
  for (const name of plan.changed) {
    const state = plan.state(name)
    if (state.kind === 'decided') list.line(state.mode, name, state.line.value, state.line.empty)
    else if (state.kind === 'made') {
      list.drop(name)
      for (const { value, empty } of state.added) list.line('add', name, value, empty)
    }
  }
  const behind = plan.changed.flatMap((name) => {
    const state = plan.state(name)
    return state.kind === 'made' ? [] : state.added.map((line) => ({ name, ...line }))
  })
  list.rest(behind.length === 0 ? 'all' : 'lines')
  for (const { name, value, empty } of behind) list.line('add', name, value, empty)
  if (behind.length > 0) list.text('\r\n')
}
