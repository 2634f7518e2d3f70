/**
 * Each extension point before a real Envoy: with an extension of another kind, and with one that nobody has, both refuse. It needs an Envoy ($ENVOY or
 * scripts/setup), which only reads the configuration. No root.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bootstrapOf } from './bootstraps.ts'
import type { Json, JsonObject } from './envoy.ts'
import { verdicts } from './refusals.ts'

const EXTENSIONS = 'type.googleapis.com/envoy.extensions.'
const FILTERS = `${EXTENSIONS}filters.`
/** of no kind that any point below takes, and valid without a field */
const OTHER_KIND: JsonObject = { '@type': `${EXTENSIONS}regex_engines.v3.GoogleRE2` }
const NOBODYS: JsonObject = { '@type': 'type.googleapis.com/example.filters.Own' }

type Build = (config: JsonObject) => JsonObject

const extension = (typed_config: JsonObject): JsonObject => ({ name: 'x', typed_config })
const cluster = (more: JsonObject): JsonObject => bootstrapOf([], [{ name: 'a', connect_timeout: '1s', ...more }])
const CLUSTER: JsonObject = { name: 'a', connect_timeout: '1s' }
const ROUTER = extension({ '@type': `${FILTERS}http.router.v3.Router` })
const address = (protocol: string): JsonObject => ({ socket_address: { address: '127.0.0.1', port_value: 22_300, protocol } })
const listener = (more: JsonObject): JsonObject => bootstrapOf([{ name: 'l', address: address('TCP'), ...more }], [CLUSTER])
const network = (...filters: readonly JsonObject[]): JsonObject => listener({ filter_chains: [{ filters }] })
const tcp = (more: JsonObject): JsonObject =>
  network(extension({ '@type': `${FILTERS}network.tcp_proxy.v3.TcpProxy`, stat_prefix: 't', cluster: 'a', ...more }))
const manager = (more: JsonObject): JsonObject =>
  network(
    extension({
      '@type': `${FILTERS}network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'h',
      route_config: { virtual_hosts: [] },
      http_filters: [ROUTER],
      ...more,
    }),
  )
const http = (type: string, more: JsonObject): JsonObject =>
  manager({ http_filters: [extension({ '@type': `${FILTERS}http.${type}`, ...more }), ROUTER] })
const routes = (configuration: JsonObject): JsonObject => manager({ route_config: configuration })
const host = (more: JsonObject, configuration: JsonObject = {}): JsonObject =>
  routes({ virtual_hosts: [{ name: 'v', domains: ['*'], ...more }], ...configuration })
const route = (action: JsonObject, match: JsonObject = { prefix: '/' }): JsonObject =>
  host({ routes: [{ match, route: { cluster: 'a', ...action } }] })
const permission = (rule: JsonObject): JsonObject =>
  http('rbac.v3.RBAC', { rules: { policies: { p: { permissions: [rule], principals: [{ any: true }] } } } })
const principal = (rule: JsonObject): JsonObject =>
  http('rbac.v3.RBAC', { rules: { policies: { p: { permissions: [{ any: true }], principals: [rule] } } } })
const health = (more: JsonObject): JsonObject =>
  cluster({ health_checks: [{ timeout: '1s', interval: '1s', healthy_threshold: 1, unhealthy_threshold: 1, ...more }] })

const POINTS: Readonly<Record<string, Build>> = {
  'access log of a listener': (config) => listener({ access_log: [extension(config)], filter_chains: [] }),
  'access log of a connection manager': (config) => manager({ access_log: [extension(config)] }),
  'access log of a tcp_proxy': (config) => tcp({ access_log: [extension(config)] }),
  'access log filter': (config) =>
    manager({
      access_log: [
        {
          ...extension({ '@type': `${EXTENSIONS}access_loggers.stream.v3.StdoutAccessLog` }),
          filter: { extension_filter: extension(config) },
        },
      ],
    }),
  'matcher of rbac': (config) => permission({ matcher: extension(config) }),
  'uri template of rbac': (config) => permission({ uri_template: extension(config) }),
  'principal of rbac': (config) => principal({ custom: extension(config) }),
  tracer: (config) => manager({ tracing: { provider: extension(config) } }),
  'string matcher': (config) => route({}, { prefix: '/', headers: [{ name: 'x', string_match: { custom: extension(config) } }] }),
  'local address selector': (config) =>
    cluster({
      upstream_bind_config: { source_address: { address: '127.0.0.1', port_value: 0 }, local_address_selector: extension(config) },
    }),
  'event sink': (config) => health({ tcp_health_check: {}, event_logger: [extension(config)] }),
  'health checker': (config) => health({ custom_health_check: extension(config) }),
  'header formatter': (config) => manager({ http_protocol_options: { header_key_format: { stateful_formatter: extension(config) } } }),
  formatter: (config) =>
    host({
      routes: [
        { match: { prefix: '/' }, direct_response: { status: 200, body_format: { text_format: 'a', formatters: [extension(config)] } } },
      ],
    }),
  'upstream transport socket': (config) => cluster({ transport_socket: extension(config) }),
  'matched transport socket': (config) =>
    cluster({ transport_socket_matches: [{ name: 'm', match: {}, transport_socket: extension(config) }] }),
  'dns resolver': (config) => cluster({ type: 'STRICT_DNS', typed_dns_resolver_config: extension(config) }),
  'protocol options': (config) => cluster({ typed_extension_protocol_options: { x: config } }),
  'upstream filter': (config) => cluster({ filters: [extension(config)] }),
  'cluster type': (config) => cluster({ cluster_type: extension(config) }),
  'load balancing policy': (config) => cluster({ load_balancing_policy: { policies: [{ typed_extension_config: extension(config) }] } }),
  'network filter': (config) => network(extension(config)),
  'listener filter': (config) => listener({ listener_filters: [extension(config)], filter_chains: [] }),
  'udp listener filter': (config) => bootstrapOf([{ name: 'l', address: address('UDP'), listener_filters: [extension(config)] }], []),
  'downstream transport socket': (config) => listener({ filter_chains: [{ filters: [], transport_socket: extension(config) }] }),
  'cluster specifier': (config) => routes({ cluster_specifier_plugins: [{ extension: extension(config) }], virtual_hosts: [] }),
  'redirect predicate': (config) => route({ internal_redirect_policy: { predicates: [extension(config)] } }),
  'rate limit descriptor': (config) => host({ rate_limits: [{ actions: [{ extension: extension(config) }] }] }),
  'retry host predicate': (config) => route({ retry_policy: { retry_on: '5xx', retry_host_predicate: [extension(config)] } }),
  'retry priority': (config) => route({ retry_policy: { retry_on: '5xx', retry_priority: extension(config) } }),
  'retry options predicate': (config) => route({ retry_policy: { retry_on: '5xx', retry_options_predicates: [extension(config)] } }),
  'early data': (config) => route({ early_data_policy: extension(config) }),
  'path rewrite': (config) => route({ path_rewrite_policy: extension(config) }),
  'path match': (config) => route({}, { path_match_policy: extension(config) }),
  'early header mutation': (config) => manager({ early_header_mutation_extensions: [extension(config)] }),
  'original ip': (config) => manager({ original_ip_detection_extensions: [extension(config)] }),
  'request id': (config) => manager({ request_id_extension: { typed_config: config } }),
  'http filter': (config) => manager({ http_filters: [extension(config), ROUTER] }),
  'filter of a route': (config) => host({ typed_per_filter_config: { x: config } }),
  'filter of a filter config': (config) =>
    host({ typed_per_filter_config: { x: { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', config } } }),
  'thrift filter': (config) =>
    network(
      extension({
        '@type': `${FILTERS}network.thrift_proxy.v3.ThriftProxy`,
        stat_prefix: 't',
        thrift_filters: [extension(config), extension({ '@type': `${FILTERS}network.thrift_proxy.router.v3.Router` })],
      }),
    ),
  'tunnel request id': (config) => tcp({ tunneling_config: { hostname: 'a', request_id_extension: { typed_config: config } } }),
  'http cache': (config) => http('cache.v3.CacheConfig', { typed_config: config }),
  compressor: (config) => http('compressor.v3.Compressor', { compressor_library: extension(config) }),
  decompressor: (config) => http('decompressor.v3.Decompressor', { decompressor_library: extension(config) }),
  credential: (config) => http('credential_injector.v3.CredentialInjector', { credential: extension(config) }),
  'geoip provider': (config) => http('geoip.v3.Geoip', { provider: extension(config) }),
  'stateful session': (config) => http('stateful_session.v3.StatefulSession', { session_state: extension(config) }),
  'upstream http filter': (config) =>
    cluster({
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': `${EXTENSIONS}upstreams.http.v3.HttpProtocolOptions`,
          explicit_http_config: { http_protocol_options: {} },
          http_filters: [extension(config), extension({ '@type': `${FILTERS}http.upstream_codec.v3.UpstreamCodec` })],
        },
      },
    }),
  'udp session filter': (config) =>
    bootstrapOf(
      [
        {
          name: 'l',
          address: address('UDP'),
          listener_filters: [
            extension({
              '@type': `${FILTERS}udp.udp_proxy.v3.UdpProxyConfig`,
              stat_prefix: 'u',
              matcher: {
                on_no_match: {
                  action: extension({ '@type': `${FILTERS}udp.udp_proxy.v3.Route`, cluster: 'a' }),
                },
              },
              session_filters: [extension(config)],
            }),
          ],
        },
      ],
      [CLUSTER],
    ),
}

for (const [name, build] of Object.entries(POINTS)) {
  test(`${name}: refused by both`, async () => {
    for (const config of [OTHER_KIND, NOBODYS]) {
      const { ours, envoy } = await verdicts(build(config))
      assert.ok(
        envoy !== undefined && ours.length > 0,
        `${config['@type'] as Json}: ours ${ours.join(' | ') || 'taken'}; envoy ${envoy ?? 'taken'}`,
      )
    }
  })
}

test.run()
