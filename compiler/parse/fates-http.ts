/**
 * Fates of fields of HTTP connection managers and routes that compiler/http, match/ and action/ do not read. A `diverted` one needs what neither the kernel nor the
 * slow path does: the requests of its connection manager, virtual host or route go to the waypoint.
 * Source of each meaning: Envoy's http_connection_manager.proto and route_components.proto.
 */
import { diverted, each, equivalent, type FateTable, ignored } from './fate.ts'

const LOGS = ignored('logging and tracing do not decide where a request goes')
const NAMES = ignored('names and metadata for people and statistics')
const TIMER = ignored('nobody counts this time on a connection that the kernel carries; user space closes idle ones by its own limits')
const CODEC = ignored(
  "settings of the proxy's own codec; heads that could be read in two ways go to user space, which refuses what Envoy's defaults refuse",
)
const WAYPOINT = diverted('neither the kernel nor the slow path does this: its requests go to the waypoint')
const GLOBAL_LIMIT = ignored('descriptors for the ratelimit filter, which diverts its connection manager where it is configured')

export const HTTP_FATES: FateTable = {
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': {
    ...each('stat_prefix', NAMES),
    ...each('tracing access_log access_log_flush_interval flush_access_log_on_new_request access_log_options', LOGS),
    ...each('generate_request_id preserve_external_request_id always_set_request_id_in_response request_id_extension', LOGS),
    ...each(
      'common_http_protocol_options http1_safe_max_connection_duration stream_idle_timeout stream_flush_timeout request_timeout request_headers_timeout drain_timeout delayed_close_timeout',
      TIMER,
    ),
    ...each('codec_type http_protocol_options http2_protocol_options http3_protocol_options max_request_headers_kb', CODEC),
    ...each('stream_error_on_invalid_http_message typed_header_validation_config proxy_100_continue', CODEC),
    server_header_transformation: ignored('answers keep the server header that their upstream wrote'),
    ...each('append_local_overload', ignored('a header that explains answers; it decides nothing')),
    represent_ipv4_remote_address_as_ipv4_mapped_ipv6: equivalent('the client is IPv4 here however it is written'),
    ...each('set_current_client_cert_details forward_client_cert_matcher', equivalent('clients in plain text have no certificate')),
    ...each(
      'scoped_routes original_ip_detection_extensions early_header_mutation_extensions path_normalization_options local_reply_config add_proxy_protocol_connection_state',
      WAYPOINT,
    ),
  },
  'envoy.config.route.v3.RouteConfiguration': {
    vhds: WAYPOINT,
    max_direct_response_body_size_bytes: equivalent('a limit that is checked when the configuration is loaded'),
    cluster_specifier_plugins: ignored('a plugin that a route names diverts that route'),
  },
  'envoy.config.route.v3.VirtualHost': {
    ...each('virtual_clusters metadata', NAMES),
    rate_limits: GLOBAL_LIMIT,
    ...each('cors retry_policy_typed_config', WAYPOINT),
    include_is_timeout_retry_header: WAYPOINT,
    ...each('per_request_buffer_limit_bytes request_body_buffer_limit', CODEC),
  },
  'envoy.config.route.v3.Route': {
    ...each('decorator tracing stat_prefix metadata', LOGS),
    filter_action: WAYPOINT,
    ...each('per_request_buffer_limit_bytes request_body_buffer_limit', CODEC),
  },
  'envoy.config.route.v3.RouteAction': {
    early_data_policy: equivalent('only for HTTP/3'),
    ...each('rate_limits include_vh_rate_limits', GLOBAL_LIMIT),
    ...each('retry_policy_typed_config cors internal_redirect_policy internal_redirect_action max_internal_redirects', WAYPOINT),
  },
  'envoy.config.route.v3.WeightedCluster': { total_weight: equivalent('Envoy takes the sum of the weights') },
  'envoy.config.route.v3.RetryPolicy': {
    retry_options_predicates: WAYPOINT,
    retry_priority: ignored('which priorities a retry prefers; here it goes where any request would'),
  },
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy': {
    trace_sampled: LOGS,
    request_headers_mutations: WAYPOINT,
  },
  'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit': {
    stat_prefix: NAMES,
    max_dynamic_descriptors: equivalent('descriptors that are made of requests need the waypoint'),
    ...each(
      'request_headers_to_add_when_not_enforced stage local_rate_limit_per_downstream_connection local_cluster_rate_limit enable_x_ratelimit_headers vh_rate_limits ' +
        'always_consume_default_token_bucket rate_limited_as_resource_exhausted rate_limits',
      WAYPOINT,
    ),
  },
  'envoy.extensions.filters.http.fault.v3.HTTPFault': {
    ...each('downstream_nodes max_active_faults response_rate_limit', WAYPOINT),
    ...each(
      'delay_percent_runtime abort_percent_runtime delay_duration_runtime abort_http_status_runtime max_active_faults_runtime response_rate_limit_percent_runtime abort_grpc_status_runtime',
      ignored('a key that the runtime of the bootstrap does not set: the configured value holds'),
    ),
    ...each('disable_downstream_cluster_stats filter_metadata', NAMES),
  },
  'envoy.extensions.filters.http.rbac.v3.RBAC': {
    matcher: WAYPOINT,
    ...each(
      'rules_stat_prefix shadow_rules shadow_matcher shadow_rules_stat_prefix track_per_rule_stats',
      ignored('rules that only count'),
    ),
  },
  'envoy.extensions.filters.http.cors.v3.CorsPolicy': { shadow_enabled: ignored('counts; it decides nothing') },
  'envoy.config.core.v3.HeaderValueOption': {
    ...each('append append_action keep_empty_value', equivalent('nothing of that name is there before')),
  },
  'envoy.extensions.filters.network.http_connection_manager.v3.Rds': {
    config_source: ignored('where the proxy gets the routes; the snapshot holds them'),
  },
  'envoy.config.core.v3.HttpProtocolOptions': { '*': TIMER },
  'envoy.config.core.v3.RuntimeFractionalPercent': {
    runtime_key: ignored('a key that the runtime of the bootstrap does not set: the default value holds'),
  },
  'xds.core.v3.TypedExtensionConfig': { name: NAMES },
  'envoy.config.core.v3.Node': { '*': ignored('who the proxy is') },
}

/** What makes the requests of a connection manager, a route configuration, a virtual host or a route need the waypoint. */
export function undoneFields(type: string, fields: readonly string[]): readonly string[] {
  const fates = HTTP_FATES[type]
  return fates === undefined ? [] : fields.filter((field) => fates[field]?.class === 'diverted')
}
