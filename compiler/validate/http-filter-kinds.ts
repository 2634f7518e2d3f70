/**
 * Envoy's HTTP filters, by the folder of their API, and how they may be used. In: the type of a configuration. Out: its kind, or undefined for a filter
 * of somebody else. Source: seen on Envoy 1.40, every type of the API as a filter and as per-route configuration.
 */

const FOLDER = 'envoy.extensions.filters.http.'

const TERMINAL = new Set(['router', 'mcp_router'])

/** never end a chain */
const PASSING = new Set(
  `a2a adaptive_concurrency admission_control ai_protocol_manager alternate_protocols_cache api_key_auth aws_lambda aws_request_signing bandwidth_limit bandwidth_share basic_auth
   body_size_limit
   buffer cache cache_v2 cdn_loop composite compressor connect_grpc_bridge cors credential_injector csrf custom_response decompressor
   dynamic_forward_proxy ext_authz ext_proc fault file_system_buffer filter_chain gcp_authn geoip grpc_field_extraction grpc_http1_bridge
   grpc_http1_reverse_bridge grpc_json_reverse_transcoder grpc_json_transcoder grpc_stats grpc_web header_mutation header_to_metadata
   health_check ip_tagging json_to_metadata jwt_authn local_ratelimit lua mcp mcp_json_rest_bridge oauth2 on_demand original_src proto_api_scrubber
   proto_message_extraction rate_limit_quota ratelimit rbac set_filter_state set_metadata stateful_session tap thrift_to_metadata
   transform wasm`.split(/\s+/),
)

/** take no configuration of a route or virtual host */
const NO_ROUTE_CONFIG = new Set(
  `alternate_protocols_cache cache cache_v2 connect_grpc_bridge gcp_authn grpc_http1_bridge grpc_stats grpc_web mcp_router original_src
   proto_api_scrubber proto_message_extraction router thrift_to_metadata wasm`.split(/\s+/),
)

/** filters with a message of its own for routes, which is the only one that they take there */
const ROUTE_MESSAGES: Readonly<Record<string, string>> = {
  api_key_auth: 'ApiKeyAuthPerRoute',
  aws_lambda: 'PerRouteConfig',
  aws_request_signing: 'AwsRequestSigningPerRoute',
  basic_auth: 'BasicAuthPerRoute',
  buffer: 'BufferPerRoute',
  compressor: 'CompressorPerRoute',
  cors: 'CorsPolicy',
  dynamic_forward_proxy: 'PerRouteConfig',
  ext_authz: 'ExtAuthzPerRoute',
  ext_proc: 'ExtProcPerRoute',
  grpc_http1_reverse_bridge: 'FilterConfigPerRoute',
  header_mutation: 'HeaderMutationPerRoute',
  jwt_authn: 'PerRouteConfig',
  lua: 'LuaPerRoute',
  on_demand: 'PerRouteConfig',
  ratelimit: 'RateLimitPerRoute',
  rbac: 'RBACPerRoute',
  stateful_session: 'StatefulSessionPerRoute',
}

export type FilterKind = 'terminal' | 'passing'

export function kindOfFilter(type: string): FilterKind | undefined {
  const folder = folderOf(type)
  return TERMINAL.has(folder) ? 'terminal' : PASSING.has(folder) ? 'passing' : undefined
}

export function takesRouteConfig(type: string): boolean {
  return !NO_ROUTE_CONFIG.has(folderOf(type))
}

/** The message that a filter takes at routes instead of this one; undefined where this is right, or where nobody here knows. */
export function routeMessageInstead(type: string): string | undefined {
  const folder = folderOf(type)
  const message = Object.hasOwn(ROUTE_MESSAGES, folder) ? ROUTE_MESSAGES[folder] : undefined
  return message === undefined || type.endsWith(`.${message}`) ? undefined : message
}

function folderOf(type: string): string {
  return type.startsWith(FOLDER) ? (type.slice(FOLDER.length).split('.')[0] ?? '') : ''
}
