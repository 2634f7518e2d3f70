/**
 * A service that needs every program of requests, and everything that is left out of a program whose snapshot does not need it: conditions on queries, values and regexes, wildcard domains, ports of
 * hosts, paths that may be normalised, rewrites by regex, response headers, all policies and hashes. In: servers. Out: a snapshot and what a client is answered.
 */
import { POLICIES } from '../../proto/abi.ts'
import { type Ask, ask } from './ask.ts'
import { cluster, typed } from './resources.ts'

const ADDRESS = '127.96.0.41'
const PORT = 8080
const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const PER_REQUEST = 6

const says = (text: string) => ({ direct_response: { status: 200, body: { inline_string: text } } })
const hashOf = (policy: string): object =>
  policy === 'RING_HASH'
    ? { hash_policy: [{ header: { header_name: 'x-user' } }, { connection_properties: { source_ip: true } }] }
    : policy === 'MAGLEV'
      ? { hash_policy: [{ cookie: { name: 'user' } }, { query_parameter: { name: 'user' } }] }
      : {}

const routes: readonly object[] = [
  ...POLICIES.map((policy) => ({ match: { prefix: `/by/${policy}` }, route: { cluster: policy, ...hashOf(policy) } })),
  { match: { path: '/query', query_parameters: [{ name: 'a', string_match: { exact: '1' } }] }, ...says('by query') },
  { match: { path: '/value', headers: [{ name: 'x-list', string_match: { contains: 'yes' } }] }, ...says('by value') },
  { match: { path: '/value', headers: [{ name: 'x-size', range_match: { start: 5, end: 10 } }] }, ...says('by range') },
  { match: { safe_regex: { regex: '/item/[0-9]+' } }, ...says('by regex') },
  {
    match: { prefix: '/rewritten/' },
    route: {
      cluster: 'ROUND_ROBIN',
      regex_rewrite: { pattern: { regex: '^/rewritten/([0-9]+)$' }, substitution: '/size/\\1' },
      host_rewrite_literal: 'other.example',
    },
    request_headers_to_add: [{ header: { key: 'x-from', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' } }],
    response_headers_to_remove: ['x-none'],
  },
]

export function featuresSnapshot(): string {
  const manager = typed('http', MANAGER, {
    stat_prefix: 'features',
    normalize_path: true,
    merge_slashes: true,
    strip_any_host_port: true,
    route_config: {
      name: 'features',
      virtual_hosts: [
        { name: 'wild', domains: ['*.wild.example'], routes: [{ match: { prefix: '/' }, ...says('wild') }] },
        { name: 'all', domains: ['*'], routes },
      ],
    },
    http_filters: [typed('router', 'envoy.extensions.filters.http.router.v3.Router', {})],
  })
  const listener = {
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: 'features',
    address: { socket_address: { address: ADDRESS, port_value: PORT } },
    filter_chains: [{ filters: [manager] }],
  }
  return JSON.stringify({ resources: [listener, ...POLICIES.map((policy) => cluster(policy))] })
}

/** `servers`: of every cluster. */
export function featuresAsks(servers: readonly string[]): readonly Ask[] {
  const one = (path: string, answers: readonly string[], more: Partial<Ask> = {}): Ask =>
    ask({ address: ADDRESS, port: PORT, keep: true, times: PER_REQUEST, path, answers, ...more })
  const any = servers.map((server) => `200 ${server}`)
  return [
    ...POLICIES.map((policy) =>
      policy === 'RING_HASH' || policy === 'MAGLEV'
        ? one(`/by/${policy}?user=me`, [], { headers: { 'x-user': 'me' } })
        : one(`/by/${policy}`, any, { times: 40 }),
    ),
    one('/by/MAGLEV', [], { headers: { cookie: 'a=b; user=me' } }),
    one('/query?b=2&a=1', ['200 by query']),
    one('/query?b=2', ['404 ']),
    one('/value', ['200 by value'], { headers: { 'x-list': 'no, yes, no' } }),
    one('/value', ['200 by range'], { headers: { 'x-size': '7' } }),
    one('/item/42', ['200 by regex']),
    one('/item/none', ['404 ']),
    one('/', ['200 wild'], { headers: { host: 'a.wild.example:1234' } }),
    one('/../item//7', ['200 by regex']),
    one(
      '/rewritten/100',
      servers.map((server) => `200 ${server} sent 100`),
      { times: 40 },
    ),
  ]
}
