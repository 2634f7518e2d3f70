/**
 * Random HTTP filters: cors, fault, rbac and local_ratelimit in front of the router, and what routes say of them. In: a sketch. Out: `http_filters` of a
 * connection manager, and `typed_per_filter_config`. Shares are none or all and buckets are empty or large, so that nothing is left to chance.
 */
import type { JsonObject } from '../oracle/envoy.ts'
import { randomHeaderMatch, randomStringMatch } from './random-match.ts'
import type { Sketch } from './sketch.ts'
import { path } from './words.ts'

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http'
export const ROUTER_TYPE = `${TYPE}.router.v3.Router`
const KINDS = ['cors', 'fault', 'rbac', 'local_ratelimit'] as const
type Kind = (typeof KINDS)[number]

/** `http_filters`, in random order; none most of the time */
export function randomHttpFilters(sketch: Sketch): readonly JsonObject[] {
  const chosen = KINDS.filter(() => sketch.chance(0.5))
  return (sketch.chance(0.5) ? chosen : chosen.toReversed()).map((kind) => ({
    name: `envoy.filters.http.${kind}`,
    typed_config: ofManager(sketch, kind),
    ...sketch.maybe(0.06, 'disabled', () => true),
  }))
}

/** the router, where it says more than that it is there */
export function randomRouter(sketch: Sketch): JsonObject | undefined {
  if (!sketch.chance(0.08)) return undefined
  return {
    name: 'envoy.filters.http.router',
    typed_config: {
      '@type': ROUTER_TYPE,
      ...sketch.maybe(0.6, 'suppress_envoy_headers', () => sketch.chance(0.8)),
      ...sketch.maybe(0.3, 'respect_expected_rq_timeout', () => true),
      ...sketch.maybe(0.3, 'start_child_span', () => true),
      ...sketch.maybe(0.4, 'strict_check_headers', () => {
        sketch.headers.push([sketch.one(STRICT), sketch.one(['90000', '0', 'a', '-1', '5xx', '5xx,bogus', 'cancelled', '5xx, reset', ''])])
        return sketch.many(1, 3, () => sketch.one(STRICT))
      }),
    },
  }
}

const STRICT = [
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-max-retries',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
] as const

/** {typed_per_filter_config} or nothing. A filter that the connection manager does not have is looked at, too. */
export function randomFilters(sketch: Sketch, often: number): JsonObject {
  const entries = KINDS.filter(() => sketch.chance(often)).map((kind) => [`envoy.filters.http.${kind}`, ofRoute(sketch, kind)] as const)
  return entries.length === 0 ? {} : { typed_per_filter_config: Object.fromEntries(entries) }
}

function ofRoute(sketch: Sketch, kind: Kind): JsonObject {
  const config =
    kind === 'cors'
      ? corsPolicy(sketch)
      : kind === 'rbac'
        ? { '@type': `${TYPE}.rbac.v3.RBACPerRoute`, ...sketch.maybe(0.8, 'rbac', () => rbacRules(sketch)) }
        : ofManager(sketch, kind)
  const wrapper = 'type.googleapis.com/envoy.config.route.v3.FilterConfig'
  if (sketch.chance(0.1)) return { '@type': wrapper, config, ...sketch.maybe(0.3, 'disabled', () => false) }
  return sketch.chance(0.06) ? { '@type': wrapper, disabled: true } : config
}

function ofManager(sketch: Sketch, kind: Kind): JsonObject {
  switch (kind) {
    case 'cors':
      return { '@type': `${TYPE}.cors.v3.Cors` }
    case 'fault':
      return fault(sketch)
    case 'rbac':
      return { '@type': `${TYPE}.rbac.v3.RBAC`, ...sketch.maybe(0.5, 'rules', () => rbacRules(sketch).rules as JsonObject) }
    default:
      return rateLimit(sketch)
  }
}

function share(sketch: Sketch): JsonObject {
  return sketch.one<JsonObject>([
    { numerator: 100 },
    { numerator: 0 },
    { numerator: 1_000_000, denominator: 'MILLION' },
    { numerator: 10_000, denominator: 'TEN_THOUSAND' },
  ])
}

function corsPolicy(sketch: Sketch): JsonObject {
  sketch.headers.push(['origin', sketch.one(['http://a.com', 'https://b.com', 'null', '*'])])
  if (sketch.chance(0.5)) {
    sketch.methods.push('OPTIONS')
    sketch.headers.push(['access-control-request-method', 'PUT'])
    if (sketch.chance(0.4)) sketch.headers.push(['access-control-request-headers', 'x-a'])
  }
  return {
    '@type': `${TYPE}.cors.v3.CorsPolicy`,
    ...sketch.maybe(0.9, 'allow_origin_string_match', () =>
      sketch.many(1, 2, () =>
        sketch.one<JsonObject>([
          { exact: 'http://a.com' },
          { suffix: 'b.com' },
          { exact: '*' },
          { safe_regex: { regex: 'https?://[ab][.]com' } },
          { prefix: 'HTTP', ignore_case: true },
        ]),
      ),
    ),
    ...sketch.maybe(0.6, 'allow_methods', () => sketch.one(['GET, PUT', '*'])),
    ...sketch.maybe(0.5, 'allow_headers', () => sketch.one(['x-a, x-b', '*'])),
    ...sketch.maybe(0.4, 'expose_headers', () => sketch.one(['x-c', '*'])),
    ...sketch.maybe(0.4, 'max_age', () => '600'),
    ...sketch.maybe(0.3, 'allow_credentials', () => sketch.chance(0.7)),
    ...sketch.maybe(0.2, 'filter_enabled', () => ({ default_value: share(sketch) })),
    ...sketch.maybe(0.1, 'shadow_enabled', () => ({ default_value: share(sketch) })),
    ...sketch.maybe(0.2, 'forward_not_matching_preflights', () => sketch.chance(0.4)),
    ...sketch.maybe(0.1, 'allow_private_network_access', () => sketch.chance(0.7)),
  }
}

function fault(sketch: Sketch): JsonObject {
  return {
    '@type': `${TYPE}.fault.v3.HTTPFault`,
    ...sketch.maybe(0.7, 'abort', () => ({
      ...sketch.one<JsonObject>([
        { http_status: 503 },
        { http_status: 429 },
        { http_status: 200 },
        { grpc_status: 14 },
        { header_abort: {} },
      ]),
      ...sketch.maybe(0.9, 'percentage', () => share(sketch)),
    })),
    ...sketch.maybe(0.3, 'headers', () => [randomHeaderMatch(sketch)]),
    ...sketch.maybe(0.15, 'upstream_cluster', () => sketch.one(['c0', 'c1', 'c2'])),
    ...sketch.maybe(0.05, 'downstream_nodes', () => ['node']),
  }
}

function rateLimit(sketch: Sketch): JsonObject {
  const all = { default_value: share(sketch) }
  return {
    '@type': `${TYPE}.local_ratelimit.v3.LocalRateLimit`,
    stat_prefix: 'l',
    ...sketch.maybe(sketch.odd(0.3) ? 0 : 1, 'token_bucket', () => ({
      max_tokens: sketch.one([100_000, 100_000, 0]),
      tokens_per_fill: 100_000,
      fill_interval: '60s',
    })),
    ...sketch.maybe(0.8, 'filter_enabled', () => all),
    ...sketch.maybe(0.8, 'filter_enforced', () => ({ default_value: share(sketch) })),
    ...sketch.maybe(0.3, 'status', () => ({ code: sketch.one(['ServiceUnavailable', 'TooManyRequests', 'OK', 'Forbidden']) })),
    ...sketch.maybe(0.2, 'response_headers_to_add', () => [{ header: { key: 'x-limited', value: 'yes' } }]),
  }
}

function rbacRules(sketch: Sketch): JsonObject {
  const names = sketch.one([['p'], ['z', 'a'], ['p q']])
  return {
    rules: {
      ...sketch.maybe(0.7, 'action', () => sketch.one(['ALLOW', 'DENY', 'LOG'])),
      policies: Object.fromEntries(
        names.map((name) => [
          name,
          { permissions: sketch.many(1, 2, () => permission(sketch, 2)), principals: sketch.many(1, 2, () => principal(sketch, 2)) },
        ]),
      ),
    },
  }
}

function permission(sketch: Sketch, depth: number): JsonObject {
  switch (sketch.whole(0, depth > 0 ? 9 : 5)) {
    case 0:
      return { header: randomHeaderMatch(sketch) }
    case 1: {
      const text = path(sketch)
      sketch.paths.push(text)
      return { url_path: { path: randomStringMatch(sketch, text).match } }
    }
    case 2:
      return { destination_ip: { address_prefix: sketch.one(['127.0.0.0', '127.64.0.0', '10.0.0.0']), prefix_len: 8 } }
    case 3:
      return { requested_server_name: sketch.one<JsonObject>([{ exact: '' }, { exact: 'a' }, { safe_regex: { regex: '.*' } }]) }
    case 4:
    case 5:
      return { any: true }
    case 6:
      return { not_rule: permission(sketch, depth - 1) }
    case 7:
      return { and_rules: { rules: sketch.many(1, 2, () => permission(sketch, depth - 1)) } }
    default:
      return { or_rules: { rules: sketch.many(1, 2, () => permission(sketch, depth - 1)) } }
  }
}

function principal(sketch: Sketch, depth: number): JsonObject {
  switch (sketch.whole(0, depth > 0 ? 9 : 6)) {
    case 0:
      return { header: randomHeaderMatch(sketch) }
    case 1:
      return { url_path: { path: randomStringMatch(sketch, path(sketch)).match } }
    case 2:
      return {
        [sketch.one(['source_ip', 'direct_remote_ip', 'remote_ip'])]: {
          address_prefix: sketch.one(['127.0.0.0', '10.0.0.0', '0.0.0.0']),
          prefix_len: sketch.one([8, 32, 0]),
        },
      }
    case 3:
      return { authenticated: {} }
    case 4:
      return { metadata: { filter: 'f', path: [{ key: 'k' }], value: { present_match: true }, ...sketch.maybe(0.3, 'invert', () => true) } }
    case 5:
    case 6:
      return { any: true }
    case 7:
      return { not_id: principal(sketch, depth - 1) }
    case 8:
      return { and_ids: { ids: sketch.many(1, 2, () => principal(sketch, depth - 1)) } }
    default:
      return { or_ids: { ids: sketch.many(1, 2, () => principal(sketch, depth - 1)) } }
  }
}
