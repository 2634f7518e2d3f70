/**
 * A random action of a route. In: a sketch, and what the route's match has. Out: the field `route`, `redirect`, `direct_response` or `non_forwarding_action`.
 * Source: envoy.config.route.v3 RouteAction, RedirectAction, DirectResponseAction.
 */
import type { JsonObject } from '../oracle/envoy.ts'
import { CLUSTERS } from './routing-case.ts'
import { randomFormat, randomMutations } from './random-mutations.ts'
import { randomFilters } from './random-filters.ts'
import { randomRegex } from './random-regex.ts'
import { randomRewriteTemplate } from './random-template.ts'
import type { Sketch } from './sketch.ts'
import { headerName, host, path, queryName } from './words.ts'

export interface Around {
  /** of the template that the route matches; undefined when it matches none */
  readonly variables: readonly string[] | undefined
}

const TEMPLATE_REWRITE = 'type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig'

export function randomAction(sketch: Sketch, around: Around): JsonObject {
  return sketch.weighted<() => JsonObject>([
    [60, () => ({ route: forward(sketch, around) })],
    [18, () => ({ redirect: redirect(sketch, around) })],
    [14, () => ({ direct_response: directResponse(sketch) })],
    [2, () => ({ non_forwarding_action: {} })],
    [sketch.odd(0.1) ? 5 : 0, () => sketch.one<JsonObject>([{}, { route: {} }, { filter_action: {} }])],
  ])()
}

function forward(sketch: Sketch, around: Around): JsonObject {
  const upgrades = sketch.maybe(0.04, 'upgrade_configs', () =>
    sketch.one<readonly JsonObject[]>([
      [{ upgrade_type: 'websocket' }],
      [{ upgrade_type: 'websocket', enabled: false }],
      [{ upgrade_type: 'CONNECT' }],
      [{ upgrade_type: 'CONNECT', connect_config: {} }],
    ]),
  )
  // a CONNECT that is given a path is no request any more
  const tunnels = JSON.stringify(upgrades).includes('CONNECT')
  return {
    ...clusterOf(sketch),
    ...(tunnels ? {} : pathRewrite(sketch, around)),
    ...upgrades,
    ...hostRewrite(sketch),
    ...sketch.maybe(0.1, 'append_x_forwarded_host', () => sketch.chance(0.8)),
    ...sketch.maybe(0.15, 'timeout', () => sketch.one(['0s', '1.5s', '30s', '0.0001s', '3600s'])),
    ...sketch.maybe(0.05, 'idle_timeout', () => '5s'),
    ...sketch.maybe(0.05, 'max_stream_duration', () => ({
      ...sketch.maybe(0.7, 'max_stream_duration', () => sketch.one(['0s', '7s', '200s'])),
      ...sketch.maybe(0.4, 'grpc_timeout_header_max', () => sketch.one(['0s', '3s'])),
      ...sketch.maybe(0.3, 'grpc_timeout_header_offset', () => '1s'),
    })),
    ...sketch.maybe(0.03, 'max_grpc_timeout', () => sketch.one(['0s', '4s'])),
    ...sketch.maybe(0.08, 'retry_policy', () => retryPolicy(sketch)),
    ...sketch.maybe(0.08, 'hash_policy', () => sketch.many(1, 2, () => hashPolicy(sketch))),
    ...sketch.maybe(0.04, 'cluster_not_found_response_code', () =>
      sketch.one(['NOT_FOUND', 'INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE']),
    ),
    ...sketch.maybe(0.03, 'priority', () => 'HIGH'),
    ...sketch.maybe(0.03, 'request_mirror_policies', () => [{ cluster: 'c5', runtime_fraction: { default_value: { numerator: 0 } } }]),
    ...sketch.maybe(0.03, 'internal_redirect_policy', () => ({})),
    ...sketch.maybe(0.02, 'metadata_match', () => ({ filter_metadata: { 'envoy.lb': { a: 'b' } } })),
    ...(sketch.odd(0.03) && !tunnels ? { prefix_rewrite: '/both' } : {}),
  }
}

function clusterOf(sketch: Sketch): JsonObject {
  const one = (): string => sketch.one(CLUSTERS)
  switch (sketch.whole(0, 9)) {
    case 0:
    case 1: {
      const heavy = sketch.whole(0, 2)
      const total = sketch.one([100, 1, 1000])
      const clusters = [0, 1, 2].map((index) => ({
        ...(sketch.chance(0.92) ? { name: one() } : { cluster_header: 'x-cluster' }),
        weight: index === heavy && !sketch.odd(0.02) ? total : 0,
        ...randomMutations(sketch, 0.3),
        ...sketch.maybe(0.15, 'host_rewrite_literal', () => 'weighted.host'),
        ...randomFilters(sketch, 0.05),
      }))
      if (clusters.some((cluster) => 'cluster_header' in cluster)) sketch.headers.push(['x-cluster', sketch.one([...CLUSTERS, 'missing'])])
      return {
        weighted_clusters: {
          clusters: sketch.odd(0.1) ? [] : clusters,
          ...sketch.maybe(0.1, 'total_weight', () => total),
          ...sketch.maybe(0.1, 'header_name', () => 'x-num'),
        },
      }
    }
    case 2:
      sketch.headers.push(['X-Cluster', sketch.one([...CLUSTERS, 'missing', ''])])
      return { cluster_header: sketch.one(['x-cluster', 'x-cluster', 'X-Cluster', ':authority', 'x-none']) }
    default:
      return { cluster: sketch.chance(0.985) ? one() : 'missing' }
  }
}

function pathRewrite(sketch: Sketch, { variables }: Around): JsonObject {
  switch (sketch.whole(0, variables === undefined ? 9 : 6)) {
    case 0:
    case 1:
      if (variables !== undefined && !sketch.odd(0.2)) return templateRewrite(sketch, variables)
      return { prefix_rewrite: sketch.one([path(sketch), '/', '/new', '/new/', '', '/a?b=c', 'noslash', '/new#f']) }
    case 2:
    case 3:
      return { regex_rewrite: regexRewrite(sketch) }
    case 4:
      return { path_rewrite: randomFormat(sketch).replace(/^/, sketch.one(['/', '/p/', ''])) }
    case 5:
      return sketch.odd(0.2) ? templateRewrite(sketch, variables ?? []) : {}
    default:
      return {}
  }
}

function templateRewrite(sketch: Sketch, variables: readonly string[]): JsonObject {
  return {
    path_rewrite_policy: {
      name: 'envoy.path.rewrite.uri_template.uri_template_rewriter',
      typed_config: { '@type': TEMPLATE_REWRITE, path_template_rewrite: randomRewriteTemplate(sketch, variables) },
    },
  }
}

function regexRewrite(sketch: Sketch): JsonObject {
  const { pattern, example } = randomRegex(sketch, 'path')
  if (example !== '') sketch.paths.push(`/x${example}`)
  return {
    pattern: { regex: sketch.one([pattern, pattern, '^/([^/]*)', '/([a-z]+)/(.*)', 'a', sketch.odd(0.1) ? '' : 'b', 'x*', '(.)', '$']) },
    substitution: sketch.one(['', '/r', '\\1', '/\\1/z', '\\2\\1', '\\0', '<\\0>', '\\\\', '\\x', 'x\\', '$1', '/\u00e9', '-']),
  }
}

function hostRewrite(sketch: Sketch): JsonObject {
  switch (sketch.whole(0, 14)) {
    case 0:
      return { host_rewrite_literal: sketch.one([host(sketch), 'new.host:1', 'New.Host', '\u00e9.com']) }
    case 1:
      return { host_rewrite_header: sketch.one([headerName(sketch), ':path', 'x-none', 'X-A']) }
    case 2:
      return {
        host_rewrite_path_regex: {
          pattern: { regex: sketch.one(['^/(.+)/.+$', '/', '/([^/]*).*', '[^a]']) },
          substitution: sketch.one(['\\1', 'h', '\\1.com', '']),
        },
      }
    case 3:
      return { auto_host_rewrite: sketch.chance(0.8) }
    case 4:
      return { host_rewrite: randomFormat(sketch) }
    default:
      return {}
  }
}

function retryPolicy(sketch: Sketch): JsonObject {
  return {
    retry_on: sketch.one(['5xx', 'gateway-error,reset', 'retriable-status-codes', '']),
    ...sketch.maybe(0.5, 'num_retries', () => sketch.one([0, 1, 5])),
    ...sketch.maybe(0.5, 'per_try_timeout', () => sketch.one(['0s', '25s', '40s'])),
    ...sketch.maybe(0.2, 'retry_back_off', () => ({
      base_interval: '0.025s',
      ...sketch.maybe(0.5, 'max_interval', () => sketch.one(['0.25s', '0.01s'])),
    })),
  }
}

function hashPolicy(sketch: Sketch): JsonObject {
  return {
    ...sketch.one<JsonObject>([
      { header: { header_name: 'x-a' } },
      { connection_properties: { source_ip: true } },
      { query_parameter: { name: queryName(sketch) } },
      { header: { header_name: 'x-b', regex_rewrite: { pattern: { regex: '(.)' }, substitution: '\\1\\1' } } },
    ]),
    ...sketch.maybe(0.3, 'terminal', () => true),
  }
}

function redirect(sketch: Sketch, around: Around): JsonObject {
  return {
    ...sketch.one<JsonObject>([
      {},
      {},
      { https_redirect: true },
      { https_redirect: false },
      { scheme_redirect: sketch.one(['https', 'http', 'ftp', 'HTTPS', '']) },
    ]),
    ...sketch.maybe(0.4, 'host_redirect', () => sketch.one([host(sketch), 'n.com:99', '\u00e9.com', ''])),
    ...sketch.maybe(0.3, 'port_redirect', () => sketch.one([80, 443, 8443, sketch.odd(0.3) ? 70_000 : 0])),
    ...sketch.one<JsonObject>([
      {},
      {},
      { path_redirect: sketch.one(['/p', '/p?a=b', 'noslash', '/p#f', '/\u00e9', '']) },
      around.variables === undefined || sketch.odd(0.2) ? { prefix_rewrite: sketch.one(['/n', '/', '/n/?x', 'n', '']) } : {},
      { regex_rewrite: regexRewrite(sketch) },
      around.variables === undefined ? {} : { path_redirect: '/t' },
    ]),
    ...sketch.maybe(0.4, 'response_code', () =>
      sketch.one(['MOVED_PERMANENTLY', 'FOUND', 'SEE_OTHER', 'TEMPORARY_REDIRECT', 'PERMANENT_REDIRECT']),
    ),
    ...sketch.maybe(0.3, 'strip_query', () => sketch.chance(0.8)),
  }
}

function directResponse(sketch: Sketch): JsonObject {
  return {
    status: sketch.weighted([
      [20, sketch.one([200, 404, 503, 418, 429, 403])],
      [10, sketch.one([201, 204, 301, 302, 304, 399, 205, 599, 400, 401, 502, 504])],
      [sketch.odd(0.2) ? 5 : 0, sketch.one([199, 600, 0, 100, 101])],
    ]),
    ...sketch.maybe(0.7, 'body', () =>
      sketch.one<JsonObject>([
        { inline_string: sketch.one(['hello', '', 'caf\u00e9', '%REQ(x-a)%', 'a\nb', 'x'.repeat(100), '100% ~']) },
        { inline_bytes: Buffer.from('bytes').toString('base64') },
        { inline_string: 'y'.repeat(sketch.odd(0.3) ? 4097 : 4096) },
      ]),
    ),
    ...sketch.maybe(0.25, 'body_format', () => bodyFormat(sketch)),
  }
}

function bodyFormat(sketch: Sketch): JsonObject {
  return {
    ...sketch.one<JsonObject>([
      { text_format: `b:%LOCAL_REPLY_BODY% ${randomFormat(sketch)}` },
      { text_format_source: { inline_string: `${randomFormat(sketch)}%RESPONSE_CODE%` } },
      {
        json_format: {
          z: randomFormat(sketch),
          a: '%LOCAL_REPLY_BODY%',
          code: '%RESPONSE_CODE%',
          nested: { k: randomFormat(sketch), n: 1.5, t: true, list: ['x', '%PROTOCOL%'] },
          none: '%REQ(x-none)%',
        },
      },
    ]),
    ...sketch.maybe(0.4, 'content_type', () => sketch.one(['text/html; charset=UTF-8', 'application/json', ''])),
    ...sketch.maybe(0.3, 'omit_empty_values', () => sketch.chance(0.8)),
  }
}
