/** What Envoy 1.40 was seen to take, and must not be refused; what it refuses is in the fixtures km20xx and km21xx. */
import { parseUriTemplate } from '../match/uri-template-parse.ts'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from '../input/read.ts'
import { walkMessages } from '../input/walk.ts'
import { inspectRegex } from '../re2/inspect-regex.ts'
import { validate } from './validate.ts'

const TYPE = 'type.googleapis.com/envoy.'

/** -> codes in order, with "w" for warnings */
function findings(...resources: readonly object[]): readonly string[] {
  const diag = createDiagnostics()
  const { resources: read } = readInput([{ name: 'a.json', bytes: Buffer.from(JSON.stringify(resources)) }], diag)
  validate(read, { walk: walkMessages, inspectRegex, readTemplate: parseUriTemplate }, diag)
  return diag.list.map(({ code, severity }) => (severity === 'error' ? code : `${code}w`))
}

const cluster = (name: string) => ({ '@type': `${TYPE}config.cluster.v3.Cluster`, name, type: 'STATIC' })
const rds = (configuration: object) => ({ '@type': `${TYPE}config.route.v3.RouteConfiguration`, name: 'r', ...configuration })
const hosts = (...routes: readonly object[]) => ({ virtual_hosts: [{ name: 'v', domains: ['*'], routes }] })
const forward = (action: object, rest: object = {}) => ({ match: { prefix: '/' }, route: { cluster: 'a', ...action }, ...rest })
const added = (value: string) => forward({}, { request_headers_to_add: [{ header: { key: 'x', value } }] })
const HCM = `${TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`
const ROUTER = { name: 'router', typed_config: { '@type': `${TYPE}extensions.filters.http.router.v3.Router` } }
const listener = (manager: object) => ({
  '@type': `${TYPE}config.listener.v3.Listener`,
  name: 'l',
  address: { socket_address: { address: '127.96.0.1', port_value: 80 } },
  filter_chains: [{ filters: [{ name: 'h', typed_config: { '@type': HCM, stat_prefix: 'h', http_filters: [ROUTER], ...manager } }] }],
})

for (const value of [
  '%%',
  '%REQ(x):0%',
  '%REQ(:path?)%',
  '%START_TIME(%s)%',
  '%FILTER_STATE(x:FIELD:a)%',
  '%GRPC_STATUS(NUMBER)%',
  '%PATH(WQ:ORIG)%',
  '%PROTOCOL()%',
  '%UPSTREAM_METADATA(["a", "b"])%',
  '%PER_REQUEST_STATE(x)%',
  '%COALESCE({"operators":["PROTOCOL"]})%',
]) {
  test(`takes the format ${value}`, () => assert.equal(findings(rds(hosts(added(value))), cluster('a')), []))
}

for (const value of [
  '%',
  '%%%',
  '%req(x)%',
  '%REQ(x?y?z)%',
  '%REQ(x y)%',
  '%REQ(x):99999999999999999999999%',
  '%PATH(FOO)%',
  '%START_TIME(%n)%',
]) {
  test(`refuses the format ${value}`, () => assert.equal(findings(rds(hosts(added(value))), cluster('a')), ['KM2007']))
}

test('unknown commands are taken where an extension may have them', () => {
  const format = (formatters: readonly object[]) =>
    hosts({ match: { prefix: '/' }, direct_response: { status: 200, body_format: { text_format: '%MINE%', formatters } } })
  assert.equal(findings(rds(format([])), cluster('a')), ['KM2007'])
  assert.equal(findings(rds(format([{ name: 'x', typed_config: { '@type': 'type.googleapis.com/x.Y' } }])), cluster('a')), ['KM2115'])
})

test('unknown clusters: refused inline, taken over RDS, as validate_clusters says, and never without clusters', () => {
  const route = hosts(forward({ cluster: 'nobody' }))
  assert.equal(findings(listener({ route_config: route }), cluster('a')), ['KM2018'])
  assert.equal(findings(listener({ route_config: { ...route, validate_clusters: false } }), cluster('a')), ['KM2019w'])
  assert.equal(findings(rds(route), cluster('a')), ['KM2019w'])
  assert.equal(findings(rds({ ...route, validate_clusters: true }), cluster('a')), ['KM2018'])
  assert.equal(findings(listener({ route_config: route })), [])
})

test('mirrors: the nearest list counts', () => {
  const mirrored = (own: readonly object[]) => ({
    request_mirror_policies: [{ cluster: 'nobody' }],
    ...hosts(forward({ request_mirror_policies: own })),
  })
  assert.equal(findings(listener({ route_config: mirrored([]) }), cluster('a')), ['KM2018'])
  assert.equal(findings(listener({ route_config: mirrored([{ cluster: 'a' }]) }), cluster('a')), [])
})

test('a cut dump of a running proxy is not refused for what it lacks', () => {
  const { '@type': type, ...rest } = listener({ route_config: hosts(forward({ cluster: 'nobody' })) })
  const state = { name: 'l', active_state: { listener: { '@type': type, ...rest } } }
  const dump = [
    { '@type': `${TYPE}admin.v3.ListenersConfigDump`, dynamic_listeners: [state] },
    { '@type': `${TYPE}admin.v3.ClustersConfigDump`, dynamic_active_clusters: [{ cluster: cluster('a') }] },
  ]
  assert.equal(findings(...dump), ['KM2019w'])
})

test('odd and taken', () => {
  assert.equal(findings(listener({ route_config: { virtual_hosts: [] }, http_filters: [] }), cluster('a')), [])
  assert.equal(findings(rds(hosts({ match: { prefix: '/' }, redirect: { port_redirect: 70_000 } }))), [])
  assert.equal(findings(rds({ virtual_hosts: [{ name: 'v', domains: ['É.com', 'é.com'] }] })), [])
  assert.equal(
    findings(rds(hosts(forward({ prefix_rewrite: '', regex_rewrite: { pattern: { regex: 'a' }, substitution: 'b' } }))), cluster('a')),
    [],
  )
  const body = { status: 200, body: { inline_string: 'x'.repeat(5000) } }
  assert.equal(findings(rds({ max_direct_response_body_size_bytes: 0, ...hosts({ match: { prefix: '/' }, direct_response: body }) })), [])
})

test('a regex is measured wherever it stands, and one that is nested too deeply is not', () => {
  const header = (regex: string) =>
    rds(hosts({ match: { prefix: '/', headers: [{ name: 'x', string_match: { safe_regex: { regex } } }] }, redirect: {} }))
  assert.equal(findings(header('a{1,90}')), ['KM2025'])
  assert.equal(findings(header('(')), ['KM2024'])
  assert.equal(findings(header(`${'('.repeat(20_000)}a${')'.repeat(20_000)}`)), ['KM2026w'])
})

const upstreamTls = (common: object) => ({
  ...cluster('a'),
  transport_socket: {
    name: 't',
    typed_config: { '@type': `${TYPE}extensions.transport_sockets.tls.v3.UpstreamTlsContext`, common_tls_context: common },
  },
})
const secretFrom = (source: object) =>
  upstreamTls({ validation_context_sds_secret_config: { name: 's', sds_config: { resource_api_version: 'V3', ...source } } })
const grpc = (...names: readonly string[]) => ({
  api_config_source: {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: names.map((cluster_name) => ({ envoy_grpc: { cluster_name } })),
  },
})

test('sources of secrets: their form is looked at, their cluster is not', () => {
  assert.equal(findings(secretFrom(grpc('nobody'))), [])
  assert.equal(findings(secretFrom({ ads: {} })), [])
  assert.equal(findings(secretFrom(grpc('a', 'a'))), ['KM2120'])
  assert.equal(findings(secretFrom(grpc())), ['KM2120'])
  assert.equal(findings(secretFrom({ self: {} })), ['KM2120'])
})

test('certificates in the text', () => {
  const trusted = (source: object) => upstreamTls({ validation_context: { trusted_ca: source } })
  for (const text of ['NOPE', '', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])
    assert.equal(findings(trusted({ inline_string: text })), ['KM2123'], text)
  assert.equal(findings(trusted({ filename: '/ca.pem' })), [])
  assert.equal(findings(upstreamTls({ tls_certificates: [{ certificate_chain: { filename: '/a' } }] })), ['KM2123'])
  assert.equal(findings(upstreamTls({ tls_certificates: [{}] })), [])
})

test('filters that are fetched, by their types', () => {
  const fetched = (type: string) => {
    const config_source = { ads: {}, resource_api_version: 'V3' }
    const filter = { name: 'x', config_discovery: { config_source, type_urls: [type] } }
    return findings(listener({ route_config: { name: 'r' }, http_filters: [filter, ROUTER] }), cluster('a'))
  }
  assert.equal(fetched(`${TYPE}extensions.filters.http.rbac.v3.RBAC`), ['KM1721w'])
  assert.equal(fetched('envoy.extensions.filters.http.rbac.v3.RBAC'), ['KM1721w'])
  assert.equal(fetched(`${TYPE}extensions.filters.listener.original_dst.v3.OriginalDst`), ['KM2115', 'KM1721w'])
})

test('generic matchers: inputs and actions are of their kind', () => {
  const input = { name: 'i', typed_config: { '@type': `${TYPE}type.matcher.v3.HttpRequestHeaderMatchInput`, header_name: 'x' } }
  const skip = { name: 's', typed_config: { '@type': `${TYPE}extensions.filters.common.matcher.action.v3.SkipFilter` } }
  const rbac = { name: 'x', typed_config: { '@type': `${TYPE}extensions.filters.http.rbac.v3.RBAC` } }
  const matched = (look: object, act: object) => {
    const xds_matcher = { matcher_tree: { input: look, exact_match_map: { map: { a: { action: act } } } } }
    const typed_config = { '@type': `${TYPE}extensions.common.matching.v3.ExtensionWithMatcher`, extension_config: rbac, xds_matcher }
    return findings(listener({ route_config: { name: 'r' }, http_filters: [{ name: 'm', typed_config }, ROUTER] }), cluster('a'))
  }
  assert.equal(matched(input, skip), [])
  assert.equal(matched(rbac, skip), ['KM2115'])
  assert.equal(matched({ name: 'i', typed_config: {} }, skip), ['KM2032'])
  assert.equal(matched(input, rbac), ['KM2115'])
  assert.equal(matched(input, { name: 's', typed_config: {} }), ['KM2032'])
})

test('clusters that balance by themselves take no other policy', () => {
  const aggregate = (more: object) => ({
    '@type': `${TYPE}config.cluster.v3.Cluster`,
    name: 'b',
    cluster_type: { name: 'x', typed_config: { '@type': `${TYPE}extensions.clusters.aggregate.v3.ClusterConfig`, clusters: ['a'] } },
    ...more,
  })
  assert.equal(findings(cluster('a'), aggregate({})), ['KM2117'])
  assert.equal(findings(cluster('a'), aggregate({ lb_policy: 'CLUSTER_PROVIDED' })), [])
})

test('the rules of balancing policies are advice: Envoy does not check them', () => {
  const policy = (typed: object) => ({
    ...cluster('a'),
    load_balancing_policy: { policies: [{ typed_extension_config: { name: 'x', typed_config: typed } }] },
  })
  const type = `${TYPE}extensions.load_balancing_policies`
  assert.equal(findings(policy({ '@type': `${type}.least_request.v3.LeastRequest`, choice_count: 1 })), ['KM1110w'])
  assert.equal(findings(policy({ '@type': `${type}.round_robin.v3.RoundRobin`, locality_lb_config: {} })), ['KM1111w'])
  assert.ok(findings(policy({ '@type': `${type}.override_host.v3.OverrideHost` })).includes('KM1111'))
})

const NETWORK_INPUT = `${TYPE}extensions.matching.common_inputs.network.v3.`
/** a Matcher that looks at `input` and leads to `action`, both Any */
const matcher = (input: string, action: object, more: object = {}) => ({
  matcher_tree: {
    input: { name: 'i', typed_config: { '@type': input, ...more } },
    exact_match_map: { map: { a: { action: { name: 'a', typed_config: action } } } },
  },
})

test('what matchers look at, and what they lead to, differs with where they are', () => {
  const filter = (input: string, action: string) =>
    findings(
      listener({
        route_config: {},
        http_filters: [
          {
            name: 'm',
            typed_config: {
              '@type': `${TYPE}extensions.common.matching.v3.ExtensionWithMatcher`,
              extension_config: { name: 'f', typed_config: { '@type': `${TYPE}extensions.filters.http.cors.v3.Cors` } },
              xds_matcher: matcher(input, { '@type': action }),
            },
          },
          ROUTER,
        ],
      }),
    )
  const skip = `${TYPE}extensions.filters.common.matcher.action.v3.SkipFilter`
  assert.equal(filter(`${NETWORK_INPUT}SourceTypeInput`, skip), [])
  assert.equal(filter(`${NETWORK_INPUT}ApplicationProtocolInput`, skip), ['KM2115'])
  assert.equal(filter(`${NETWORK_INPUT}SourceTypeInput`, 'type.googleapis.com/google.protobuf.Empty'), ['KM2115'])
  const chains = (input: string, action: object) => {
    const { filter_chains, ...rest } = listener({ route_config: {} })
    return findings({
      ...rest,
      filter_chains: filter_chains.map((chain) => ({ ...chain, name: 'c' })),
      filter_chain_matcher: matcher(input, action),
    })
  }
  const named = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'c' }
  assert.equal(chains(`${NETWORK_INPUT}ApplicationProtocolInput`, named), [])
  assert.equal(chains(`${TYPE}extensions.matching.common_inputs.stats.v3.StatFullNameMatchInput`, named), ['KM2115'])
  assert.equal(chains(`${NETWORK_INPUT}SourceIPInput`, { '@type': skip }), ['KM2115'])
})

test('routes are matched on headers, filter state and the environment', () => {
  const route = { '@type': `${TYPE}config.route.v3.Route`, match: { prefix: '/' }, route: { cluster: 'a' } }
  const on = (input: string, more: object = {}) =>
    findings(rds({ virtual_hosts: [{ name: 'v', domains: ['*'], matcher: matcher(input, route, more) }] }), cluster('a'))
  assert.equal(on(`${NETWORK_INPUT}FilterStateInput`, { key: 'k' }), [])
  assert.equal(on(`${TYPE}extensions.matching.common_inputs.environment_variable.v3.Config`, { name: 'X' }), [])
  assert.equal(on(`${NETWORK_INPUT}SourceIPInput`), ['KM2022'])
})

test('a TLS context that waits for a secret is built later: until then nobody looks at ciphers and certificates', () => {
  const awaited = { validation_context_sds_secret_config: { name: 's', sds_config: { ads: {}, resource_api_version: 'V3' } } }
  const cipher = { tls_params: { cipher_suites: ['NONE-SUCH'] } }
  const broken = { tls_certificates: [{ certificate_chain: { inline_string: 'x' }, private_key: { inline_string: 'y' } }] }
  const [first, second, third] = [cipher, broken, { alpn_protocols: ['a'.repeat(300)] }].map((common) => [
    findings(upstreamTls(common)),
    findings(upstreamTls({ ...common, ...awaited })),
  ])
  const group = '[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]'
  const listed = (...cipher_suites: readonly string[]) => findings(upstreamTls({ tls_params: { cipher_suites } }))
  assert.equal([listed('!PSK', group, 'ALL'), listed(group, 'ALL:!PSK')], [[], ['KM2124']], 'no operator behind a group')
  assert.equal(first, [['KM2124'], ['KM2124w']])
  assert.equal(
    second?.map((codes) => codes.includes('KM2123')),
    [true, false],
  )
  assert.equal(third, [['KM2124'], ['KM2124w']])
})

test('curves and signature algorithms are there once, by whatever name; ciphers of TLS 1.3 alone are none', () => {
  const params = (tls_params: object) => findings(upstreamTls({ tls_params }))
  assert.equal(params({ ecdh_curves: ['P-256', 'X25519'], signature_algorithms: ['ed25519', 'RSA+SHA256'] }), [])
  for (const twice of [['P-256', 'P-256'], ['P-256', 'prime256v1'], ['x25519:X25519']])
    assert.equal(params({ ecdh_curves: twice }), ['KM2124'])
  for (const twice of [
    ['ed25519', 'ed25519'],
    ['rsa_pkcs1_sha256', 'RSA+SHA256'],
    ['PSS+SHA512', 'RSA-PSS+SHA512'],
  ])
    assert.equal(params({ signature_algorithms: twice }), ['KM2124'])
  const latest = 'TLS_AES_128_GCM_SHA256'
  assert.equal(params({ cipher_suites: ['AES128-SHA', latest] }), [])
  assert.equal(params({ cipher_suites: [`[AES128-SHA|${latest}]`] }), [])
  assert.equal(params({ cipher_suites: [latest] }), ['KM2124'])
})

test('a choice among transport sockets names one', () => {
  const chosen = (more: object) => findings({ ...cluster('c'), transport_socket_matches: [{ name: 'a', match: {}, ...more }] })
  assert.equal(chosen({}), ['KM2032'])
  assert.equal(
    chosen({ transport_socket: { name: 'r', typed_config: { '@type': `${TYPE}extensions.transport_sockets.raw_buffer.v3.RawBuffer` } } }),
    [],
  )
})

test.run()
