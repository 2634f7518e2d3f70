/**
 * HTTP filters: the list of those that are understood, and typed_per_filter_config. In: cursors. Out: FilterConfigs by filter name; a filter's verdict.
 * Source: Envoy's route_components.proto (typed_per_filter_config, FilterConfig).
 */
import type { FilterConfig, PerFilter } from '../http/model.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { cors } from './cors.ts'
import { fault } from './fault.ts'
import { type FilterRule, type FilterTarget, type HttpFilter, PASS, type Verdict } from './filter.ts'
import { localRateLimit } from './local-ratelimit.ts'
import { rbac } from './rbac.ts'

const FILTERS: ReadonlyMap<string, HttpFilter<FilterRule>> = new Map(
  [fault, rbac, localRateLimit, cors].flatMap((filter) => filter.types.map((type) => [type, filter as HttpFilter<FilterRule>] as const)),
)

/** Filters that only watch, or change what is not routed by: bodies, statistics, protocols. */
const WATCHING: ReadonlySet<string> = new Set([
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  'envoy.extensions.filters.http.compressor.v3.Compressor',
  'envoy.extensions.filters.http.decompressor.v3.Decompressor',
  'envoy.extensions.filters.http.tap.v3.Tap',
  'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
  'io.istio.http.peer_metadata.Config',
  'stats.PluginConfig',
])

const NONE: PerFilter = new Map()
const WRAPPER = 'envoy.config.route.v3.FilterConfig'

/** `at`: RouteConfiguration, VirtualHost, Route or WeightedCluster.ClusterWeight */
export function readFilters(at: Cursor): PerFilter {
  if (!at.has('typed_per_filter_config')) return NONE
  return new Map(at.map('typed_per_filter_config').map(([name, config]) => [name, readFilter(config)]))
}

/** `at`: what a filter's typed_config holds */
export function readFilter(at: Cursor): FilterConfig {
  if (at.known && !/^envoy\.(?:extensions\.filters|config\.route)\./.test(at.type))
    at.markAll('diverted', 'no HTTP filter that is known here')
  if (at.type === WRAPPER && at.known) {
    const held = at.any('config')
    const disabled = at.boolean('disabled') ?? false
    return held === undefined ? { path: at.path, type: at.type, disabled, data: undefined } : { ...readFilter(held), disabled }
  }
  return { path: at.path, type: at.type, disabled: false, data: at.known ? FILTERS.get(at.type)?.read(at) : undefined }
}

/** One filter's configurations from the most specific level down to the least, as one; undefined when there is none. */
export function inherited(configs: readonly FilterConfig[]): FilterConfig | undefined {
  const [own, ...less] = configs
  const inherit = own === undefined ? undefined : FILTERS.get(own.type)?.inherit
  if (own?.data === undefined || inherit === undefined) return own
  return { ...own, data: less.reduce((data, { data: under }) => (under === undefined ? data : inherit(data, under)), own.data) }
}

/** Whether the filter may set dynamic metadata. */
export function mayTellMore({ type }: FilterConfig): boolean {
  return !FILTERS.has(type) && !WATCHING.has(type)
}

/** What a filter does to a request; a filter that is not understood passes and stays open. */
export function decideFilter(config: FilterConfig, request: HttpRequest, target: FilterTarget): Verdict {
  if (config.disabled || WATCHING.has(config.type)) return PASS
  const filter = FILTERS.get(config.type)
  if (filter === undefined || config.data === undefined) return { kind: 'open', why: config.type }
  return filter.decide(config.data, request, { ...target, path: config.path })
}

/** What is known of a filter of this type: which one it is, that it only watches, or nothing. */
export function filterKind(type: string): 'rbac' | 'fault' | 'local_ratelimit' | 'cors' | 'watching' | 'unknown' {
  if (WATCHING.has(type)) return 'watching'
  const filter: unknown = FILTERS.get(type)
  if (filter === undefined) return 'unknown'
  return filter === rbac ? 'rbac' : filter === fault ? 'fault' : filter === cors ? 'cors' : 'local_ratelimit'
}
