/**
 * Where a configuration names an extension, and of which kind it has to be: Envoy finds an extension by the type of its configuration alone, and refuses a
 * type that it has none for. In: messages with extension points. Out: findings. HTTP filters and configuration of routes have rules of their own.
 * Source: the extension categories of Envoy's API; each point tried on Envoy 1.40 with a type of another kind.
 */
import type { Cursor } from '../input/cursor.ts'
import { EXTENSION_TYPES, type ExtensionKind } from './extension-types.ts'
import { quote } from './quote.ts'
import { type Context, ROUTE, type Rule } from './rule.ts'

/** how the field holds it: a message with a typed_config, the same where Envoy does not do without, a list of those, an Any, a map of those */
type Shape = 'one' | 'needed' | 'list' | 'any' | 'map'
type Point = readonly [field: string, shape: Shape, kind: ExtensionKind]

const CORE = 'envoy.config.core.v3.'
const CLUSTER = 'envoy.config.cluster.v3.'
const LISTENER = 'envoy.config.listener.v3.'
const HTTP = 'envoy.extensions.filters.http.'
const NETWORK = 'envoy.extensions.filters.network.'
const HCM = `${NETWORK}http_connection_manager.v3.HttpConnectionManager`

const POINTS: Readonly<Record<string, readonly Point[]>> = {
  'envoy.extensions.common.matching.v3.ExtensionWithMatcher': [['extension_config', 'one', 'filters.http']],
  'envoy.config.accesslog.v3.AccessLog': [['typed_config', 'any', 'access_loggers']],
  'envoy.config.accesslog.v3.ExtensionFilter': [['typed_config', 'any', 'access_loggers.extension_filters']],
  'envoy.config.rbac.v3.Permission': [
    ['matcher', 'one', 'rbac.matchers'],
    ['uri_template', 'one', 'path.match'],
  ],
  'envoy.config.rbac.v3.Principal': [['custom', 'one', 'rbac.principals']],
  'envoy.config.trace.v3.Tracing.Http': [['typed_config', 'any', 'tracers']],
  'envoy.type.matcher.v3.StringMatcher': [['custom', 'one', 'string_matcher']],
  [`${CORE}BindConfig`]: [['local_address_selector', 'one', 'upstream.local_address_selector']],
  [`${CORE}HealthCheck`]: [['event_logger', 'list', 'health_check.event_sinks']],
  [`${CORE}HealthCheck.CustomHealthCheck`]: [['typed_config', 'any', 'health_checkers']],
  [`${CORE}Http1ProtocolOptions.HeaderKeyFormat`]: [['stateful_formatter', 'one', 'http.stateful_header_formatters']],
  [`${CORE}SubstitutionFormatString`]: [['formatters', 'list', 'formatter']],
  [`${CLUSTER}Cluster`]: [
    ['transport_socket', 'one', 'transport_sockets.upstream'],
    ['typed_dns_resolver_config', 'one', 'network.dns_resolver'],
    ['typed_extension_protocol_options', 'map', 'upstream_options'],
    ['filters', 'list', 'filters.upstream_network'],
  ],
  [`${CLUSTER}Cluster.CustomClusterType`]: [['typed_config', 'any', 'clusters']],
  [`${CLUSTER}Cluster.TransportSocketMatch`]: [['transport_socket', 'needed', 'transport_sockets.upstream']],
  [`${LISTENER}Filter`]: [['typed_config', 'any', 'filters.network']],
  [`${LISTENER}FilterChain`]: [['transport_socket', 'one', 'transport_sockets.downstream']],
  [`${LISTENER}UdpListenerConfig`]: [['udp_packet_packet_writer_config', 'one', 'udp_packet_writer']],
  [`${ROUTE}ClusterSpecifierPlugin`]: [['extension', 'one', 'router.cluster_specifier_plugin']],
  [`${ROUTE}InternalRedirectPolicy`]: [['predicates', 'list', 'internal_redirect_predicates']],
  [`${ROUTE}RateLimit.Action`]: [['extension', 'one', 'rate_limit_descriptors']],
  [`${ROUTE}RetryPolicy`]: [['retry_options_predicates', 'list', 'retry_options_predicates']],
  [`${ROUTE}RetryPolicy.RetryHostPredicate`]: [['typed_config', 'any', 'retry_host_predicates']],
  [`${ROUTE}RetryPolicy.RetryPriority`]: [['typed_config', 'any', 'retry_priorities']],
  [`${ROUTE}RouteAction`]: [
    ['early_data_policy', 'one', 'route.early_data_policy'],
    ['path_rewrite_policy', 'one', 'path.rewrite'],
  ],
  [`${ROUTE}RouteMatch`]: [['path_match_policy', 'one', 'path.match']],
  [HCM]: [
    ['early_header_mutation_extensions', 'list', 'http.early_header_mutation'],
    ['original_ip_detection_extensions', 'list', 'http.original_ip_detection'],
    ['request_id_extension', 'one', 'request_id'],
  ],
  [`${NETWORK}thrift_proxy.v3.ThriftFilter`]: [['typed_config', 'any', 'thrift_proxy.filters']],
  [`${NETWORK}tcp_proxy.v3.TcpProxy.TunnelingConfig`]: [['request_id_extension', 'one', 'request_id']],
  'envoy.extensions.filters.http.cache.v3.CacheConfig': [['typed_config', 'any', 'http.cache']],
  [`${HTTP}compressor.v3.Compressor`]: [['compressor_library', 'one', 'compression.compressor']],
  [`${HTTP}credential_injector.v3.CredentialInjector`]: [['credential', 'one', 'http.injected_credentials']],
  [`${HTTP}decompressor.v3.Decompressor`]: [['decompressor_library', 'one', 'compression.decompressor']],
  [`${HTTP}geoip.v3.Geoip`]: [['provider', 'one', 'geoip_providers']],
  [`${HTTP}stateful_session.v3.StatefulSession`]: [['session_state', 'one', 'http.stateful_session']],
  ...Object.fromEntries(
    [
      'http_11_proxy.v3.Http11ProxyUpstreamTransport',
      'internal_upstream.v3.InternalUpstreamTransport',
      'proxy_protocol.v3.ProxyProtocolUpstreamTransport',
    ].map((type) => [`envoy.extensions.transport_sockets.${type}`, [['transport_socket', 'one', 'transport_sockets.upstream']] as const]),
  ),
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext': [
    ['custom_handshaker', 'one', 'tls.handshakers'],
    ['custom_tls_certificate_selector', 'one', 'tls.certificate_selectors'],
  ],
  'envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.SessionFilter': [['typed_config', 'any', 'filters.udp.session']],
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': [['http_filters', 'list', 'filters.http.upstream']],
}

export const extensionPoints: Rule = {
  types: Object.keys(POINTS),
  check(at, context) {
    for (const [field, shape, kind] of POINTS[at.type] ?? []) {
      if (shape === 'any') checkHolder(at, kind, context)
      else if (shape === 'map') for (const [, config] of at.map(field)) checkExtension(config, kind, context)
      else if (at.has(field))
        for (const holder of shape === 'list' ? at.messages(field) : [at.message(field)]) checkHolder(holder, kind, context)
      // the schema does without it
      else if (shape === 'needed')
        context.refuse('KM2032', at.at(field), `there is no ${field.replaceAll('_', ' ')}, and nothing stands in for it`)
    }
  },
}

/** Sockets that wrap another one, on either side. */
export const wrappedSockets: Rule = {
  types: ['envoy.extensions.transport_sockets.tap.v3.Tap', 'envoy.extensions.transport_sockets.tcp_stats.v3.Config'],
  check(at, context) {
    checkHolder(
      at.message('transport_socket'),
      at.path.startsWith('cds[') ? 'transport_sockets.upstream' : 'transport_sockets.downstream',
      context,
    )
  },
}

/** Listener filters of TCP and of UDP are of two kinds; those of QUIC are not looked at. */
export const listenerFilters: Rule = {
  types: [`${LISTENER}Listener`],
  check(at, context) {
    if (at.message('udp_listener_config')?.has('quic_options') === true) return
    const datagrams = at.message('address')?.message('socket_address')?.enum('protocol') === 'UDP'
    for (const filter of at.messages('listener_filters'))
      checkHolder(filter, datagrams ? 'filters.udp_listener' : 'filters.listener', context)
  },
}

/** A message with a typed_config. Where the schema itself asks for one, or Envoy has a default, it may be absent here. */
function checkHolder(holder: Cursor | undefined, kind: ExtensionKind, context: Context): void {
  if (holder === undefined || isLeftOut(holder)) return
  if (holder.has('typed_config')) checkExtension(holder.any('typed_config'), kind, context)
  else if (
    !MAY_GO_WITHOUT.has(holder.type) &&
    !DISCOVERING.some((type) => type === holder.type && holder.has('config_discovery')) &&
    !isBuiltIn(holder)
  )
    context.refuseUnlessLoaded('KM2032', holder.path, `the extension ${quote(nameOf(holder))} has no typed_config`)
}

function isLeftOut(holder: Cursor): boolean {
  if (holder.type === HTTP_FILTER) return holder.boolean('is_optional') === true
  return holder.type === HTTP_CACHE && holder.boolean('disabled') === true
}

const HTTP_CACHE = `${HTTP}cache.v3.CacheConfig`
const HTTP_FILTER = `${NETWORK}http_connection_manager.v3.HttpFilter`
/** the schema asks for it; there is a default; other rules ask for it */
const MAY_GO_WITHOUT: ReadonlySet<string> = new Set([
  `${CORE}TypedExtensionConfig`,
  'xds.core.v3.TypedExtensionConfig',
  `${NETWORK}http_connection_manager.v3.RequestIDExtension`,
  `${ROUTE}RetryPolicy.RetryHostPredicate`,
  `${ROUTE}RetryPolicy.RetryPriority`,
])
const DISCOVERING = [`${LISTENER}Filter`, `${LISTENER}ListenerFilter`, `${CLUSTER}Filter`, HTTP_FILTER] as const

function nameOf(holder: Cursor): string {
  return holder.type === HTTP_CACHE ? 'cache' : (holder.string('name') ?? '')
}

/** the only extensions that are found by name; what stands in front of a name like this asks for a configuration */
function isBuiltIn(holder: Cursor): boolean {
  return holder.type === `${CLUSTER}Cluster.CustomClusterType` && (holder.string('name') ?? '').startsWith('envoy.cluster.')
}

/** Warns or refuses where Envoy has nothing of this kind for the type of a configuration. */
export function checkExtension(
  config: Cursor | undefined,
  kind: ExtensionKind,
  context: Context,
  code: 'KM2105' | 'KM2109' | 'KM2115' = 'KM2115',
): void {
  if (config === undefined) return
  const types: ReadonlySet<string> = EXTENSION_TYPES[kind]
  if (types.has(config.type)) return
  // for DNS Envoy then takes its default
  if (config.type === '' && kind === 'network.dns_resolver') return
  if (config.type === '') context.refuseUnlessLoaded('KM2032', config.path, 'the extension has an empty typed_config')
  else if (isOfOtherBuilds(config.type)) context.warn('KM2116', config.path, `${config.type} is not in the standard build of Envoy`)
  else if (config.known || config.type.startsWith('google.protobuf.'))
    context.refuseUnlessLoaded(code, config.path, `Envoy has no extension for ${config.type} here (${kind})`)
  else context.refuseUnlessLoaded(code, config.path, `${whyUnknown(config.type)} (${kind})`, OWN_BUILD)
}

/** of a type that the schema does not have */
export function whyUnknown(type: string): string {
  return type.startsWith('envoy.') ? `the API of Envoy 1.40 has no type ${type}` : `${quote(type)} is a type of no Envoy that is known here`
}

/** A dump shows that a proxy has taken it. */
export const OWN_BUILD =
  'correct the "@type"; where the proxies are of a build of your own that has it, give a config dump of one of them: there it is a warning'

/** Packages of Envoy's contrib directory, some of which began in Istio's build. */
const OTHER_BUILDS = new RegExp(
  `^(?:istio\\.|io\\.istio\\.|stats\\.|envoy\\.tcp\\.metadataexchange\\.|envoy\\.extensions\\.(?:${[
    'compression\\.qatz',
    'config\\.v3alpha\\.',
    'filters\\.http\\.(?:checksum|dynamo|golang|language|peak_ewma|sxg)\\.',
    'filters\\.listener\\.postgres_inspector\\.',
    'filters\\.network\\.(?:client_ssl_auth|generic_proxy\\.codecs\\.kafka|golang|kafka_broker|kafka_mesh|mysql_proxy|postgres_proxy)\\.',
    'filters\\.network\\.(?:rocketmq_proxy|sip_proxy)\\.',
    'load_balancing_policies\\.peak_ewma\\.',
    '(?:matching\\.input_matchers|regex_engines)\\.hyperscan\\.',
    'network\\.connection_balance\\.dlb\\.',
    'private_key_providers\\.',
    'router\\.cluster_specifier\\.golang\\.',
    'upstreams\\.http\\.tcp\\.golang\\.',
    'vcl\\.',
  ].join('|')}))`,
)

/** Whether a build of Envoy that is not the standard one is known to have the type. */
export function isOfOtherBuilds(type: string): boolean {
  return OTHER_BUILDS.test(type)
}
