/**
 * A trace for people. In: a Trace, what was tried, where paths stand, and the endpoints of the cluster. Out: lines of a label and a text. Invariant: every place
 * of the configuration that is named has its file, line and column.
 */
import type { Decision, FilterConfig, RetryPolicy, Timeouts } from '../http/model.ts'
import type { RequestLine } from '../http/request.ts'
import type { Place } from './choose-entry.ts'
import { showData } from './show-data.ts'
import type { Detail, Trace } from './tracer.ts'

export interface ExplainContext {
  /** " (file:line:column)", or '' */
  readonly where: (path: string) => string
  /** "10.0.0.1:80 (50 %)"; or why there are none */
  readonly endpoints: (decision: Decision) => readonly string[]
}

type Line = readonly [label: string, text: string]

export function explainTrace(line: RequestLine, trace: Trace, detail: Detail, context: ExplainContext): string {
  const lines: Line[] = [
    ['request', `${line.method} ${line.scheme ?? 'http'}://${line.authority}${line.path}`],
    ...placeLines(trace.place, context),
    ...trace.others.map((other): Line => ['candidate', `${describePlace(other, context)}, not taken`]),
    ...routeLines(trace.decision, detail, context),
    ...outcomeLines(line, trace.decision, context),
  ]
  const width = Math.max(...lines.map(([label]) => label.length)) + 2
  let last = ''
  return lines
    .map(([label, text]) => {
      const shown = label === last ? '' : label
      last = label
      return `${shown.padEnd(width)}${text}\n`
    })
    .join('')
}

function placeLines(place: Place, { where }: ExplainContext): readonly Line[] {
  switch (place.kind) {
    case 'http':
      return [
        ['listener', `${place.listener.name}${where(place.listener.path)}`],
        ['filter chain', `${place.chain.name || place.chain.path}${where(place.chain.path)}`],
        ['routes', `${place.table.configuration.name || 'inline'}${where(place.table.configuration.path)}`],
      ]
    case 'routes':
      return [['routes', `${place.table.configuration.name}${where(place.table.configuration.path)}`]]
    case 'l4':
      return [
        ['listener', `${place.listener.name}${where(place.listener.path)}`],
        [
          'filter chain',
          place.chain === undefined
            ? 'none fits'
            : `${place.chain.name || place.chain.path}${where(place.chain.path)}: ${place.chain.filters.join(', ')}`,
        ],
      ]
    default:
      return [['listener', 'none governs the address']]
  }
}

export function describePlace(place: Place, { where }: Pick<ExplainContext, 'where'>): string {
  if (place.kind === 'routes') return `${place.table.configuration.name}${where(place.table.configuration.path)}`
  return 'listener' in place ? `${place.listener.name}${where(place.listener.path)}` : place.kind
}

function routeLines({ detail: { virtualHost, route } }: Decision, detail: Detail, { where }: ExplainContext): readonly Line[] {
  const lines: Line[] = []
  if (detail.host !== undefined) {
    const text =
      virtualHost === undefined
        ? `none for "${detail.host}"`
        : `${virtualHost.name}${where(virtualHost.path)}, for its domain "${detail.domain ?? ''}"`
    lines.push(['virtual host', text])
  }
  for (const { path, name, why } of detail.tried) lines.push(['not', `${name || path}${where(path)}: ${why}`])
  if (route !== undefined) lines.push(['route', `${route.name || route.path}${where(route.path)}`])
  for (const { name, verdict, config } of detail.filters) lines.push(['filter', `${name}${where(config.path)}: ${verdict}`])
  return lines
}

function outcomeLines(line: RequestLine, decision: Decision, context: ExplainContext): readonly Line[] {
  const { outcome, cluster, path, authority, status, location, body, requestHeaders, responseHeaders, reason, lane, laneReason, detail } =
    decision
  const lines: Line[] = [['outcome', `${outcome}${reason === outcome ? '' : ` (${reason})`}`]]
  const add = (label: string, text: string | number | undefined): void => {
    if (text !== undefined) lines.push([label, String(text)])
  }
  add('status', status)
  add('location', location)
  if (body !== undefined && body !== '') add('body', JSON.stringify(body))
  add('cluster', cluster)
  if (cluster !== undefined && outcome === 'cluster') for (const endpoint of context.endpoints(decision)) add('endpoint', endpoint)
  add('path', path === undefined || path === line.path ? path : `${path}, rewritten from ${line.path}`)
  add('authority', authority === undefined || authority === line.authority ? authority : `${authority}, rewritten from ${line.authority}`)
  for (const [name, value] of requestHeaders ?? []) add('request header', `${name}: ${value}`)
  for (const [name, value] of responseHeaders ?? []) add('response header', `${name}: ${value}`)
  if (detail.route?.action.kind === 'route' && outcome === 'cluster') {
    add('timeouts', timeoutText(detail.route.action.timeouts))
    if (detail.retry !== undefined) add('retries', retryText(detail.retry))
    for (const policy of detail.route.action.hash) add('hash policy', showData(policy))
    for (const mirror of detail.mirrors) add('mirror', showData({ ...mirror, path: undefined }) + context.where(mirror.path))
  }
  for (const [name, config] of detail.filters) add('filter config', filterText(name, config, context))
  add('lane', laneReason === undefined ? lane : `${lane}: ${laneReason}`)
  return lines
}

function filterText(name: string, config: FilterConfig, { where }: ExplainContext): string {
  const what = config.disabled ? 'disabled' : config.data === undefined ? config.type : showData(config.data)
  return `${name}${where(config.path)}: ${what}`
}

function timeoutText({ timeout, idle, maxStreamDuration, maxGrpcTimeout }: Timeouts): string {
  const parts = [timeout === 0 ? 'none for the response' : `${timeout} ms for the response`]
  if (idle !== undefined) parts.push(`${idle} ms idle`)
  if (maxStreamDuration !== undefined) parts.push(`${maxStreamDuration} ms for the stream`)
  if (maxGrpcTimeout !== undefined && maxGrpcTimeout > 0) parts.push(`at most ${maxGrpcTimeout} ms for gRPC`)
  return parts.join(', ')
}

function retryText({ on, retries, perTryTimeout, statusCodes }: RetryPolicy): string {
  const codes = statusCodes.length === 0 ? '' : ` (${statusCodes.join(', ')})`
  return `${retries} on ${on.join(', ') || 'nothing'}${codes}${perTryTimeout === undefined ? '' : `, ${perTryTimeout} ms each`}`
}
