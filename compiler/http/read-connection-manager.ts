/**
 * envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager. In: its cursor. Out: the settings that change routing, and where its routes
 * come from. Reloadable features come from the bootstrap's layered_runtime.
 * Source: http_connection_manager.proto.
 */
import type { Cursor } from '../input/cursor.ts'
import { lowerCase } from '../match/string-match.ts'
import { type ConnectionManager, DEFAULT_CONNECTION_MANAGER } from './connection-manager.ts'
import type { ActionRules } from './exchange.ts'
import { readInternalAddresses } from './internal-address.ts'
import { readIpDetections } from './ip-detection.ts'
import { readProxyStatus } from './proxy-status.ts'
import type { Front } from './request.ts'
import { NO_RUNTIME, type Runtime } from './runtime.ts'
import { bareSurroundings, NO_SURROUNDINGS, type Surroundings } from './surroundings.ts'

export const CONNECTION_MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

export type RouteSource =
  | { readonly kind: 'rds'; readonly name: string }
  | { readonly kind: 'inline'; readonly at: Cursor }
  /** scoped routes, or nothing */
  | { readonly kind: 'unknown'; readonly what: string }

/** `tls`: the filter chain ends TLS */
export function readConnectionManager(
  at: Cursor,
  tls: 'tls' | 'plain',
  rules: Pick<ActionRules, 'readLocalReplies' | 'readEarlyMutations'>,
  runtime: Runtime = NO_RUNTIME,
  around: Surroundings = NO_SURROUNDINGS,
): ConnectionManager {
  const internal = at.message('internal_address_config')
  const details = at.enum('forward_client_cert_details') ?? 'SANITIZE'
  const common = at.message('common_http_protocol_options')
  const underscores = common?.enum('headers_with_underscores_action')
  const overwrite = at.message('scheme_header_transformation')?.string('scheme_to_overwrite') ?? ''
  return {
    rejectFragment: runtime.flag(REJECT_FRAGMENT, true),
    escapedSlashes: ESCAPED_SLASHES[at.enum('path_with_escaped_slashes_action') ?? ''] ?? 'keep',
    normalizePath: at.boolean('normalize_path') ?? runtime.flag('http_connection_manager.normalize_path', false),
    mergeSlashes: at.boolean('merge_slashes') ?? false,
    stripPort: at.boolean('strip_any_host_port') === true ? 'any' : at.boolean('strip_matching_host_port') === true ? 'matching' : 'none',
    stripTrailingDot: at.boolean('strip_trailing_host_dot') ?? false,
    useRemoteAddress: at.boolean('use_remote_address') ?? false,
    trustedHops: at.number('xff_num_trusted_hops') ?? 0,
    skipXffAppend: at.boolean('skip_xff_append') ?? false,
    internal: internal === undefined ? undefined : readInternalAddresses(internal),
    via: at.string('via') ?? '',
    serverName: at.string('server_name') || 'envoy',
    userAgent: at.boolean('add_user_agent') === true && runtime.node.cluster !== '' ? runtime.node : undefined,
    schemeOverwrite: overwrite === '' ? undefined : overwrite,
    appendXForwardedPort: at.boolean('append_x_forwarded_port') ?? false,
    keepClientCertificate: details === 'ALWAYS_FORWARD_ONLY' || (tls === 'tls' && details !== 'SANITIZE' && details !== 'SANITIZE_SET'),
    upgrades: new Map(
      at
        .messages('upgrade_configs')
        .map((upgrade) => [(upgrade.string('upgrade_type') ?? '').toLowerCase(), upgrade.boolean('enabled') ?? true]),
    ),
    early: rules.readEarlyMutations(at),
    detections: readIpDetections(at),
    front: { replies: rules.readLocalReplies(at, runtime), ...readRouter(at), around, proxyStatus: readProxyStatus(at, runtime.node.id) },
    underscores: underscores === 'REJECT_REQUEST' ? 'reject' : underscores === 'DROP_HEADER' ? 'drop' : 'allow',
    mostHeaders: common?.number('max_headers_count') ?? DEFAULT_CONNECTION_MANAGER.mostHeaders,
    mostKib: at.number('max_request_headers_kb') ?? DEFAULT_CONNECTION_MANAGER.mostKib,
    tls: tls === 'tls',
  }
}

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router'

/** The last filter of the chain. */
function readRouter(at: Cursor): Pick<Front, 'quiet' | 'strict'> {
  const last = at.messages('http_filters').at(-1)
  const router = last?.has('typed_config') === true ? last.any('typed_config') : undefined
  if (router?.type !== ROUTER || !router.known) return { quiet: false, strict: [] }
  return { quiet: router.boolean('suppress_envoy_headers') ?? false, strict: router.strings('strict_check_headers').map(lowerCase) }
}

const REJECT_FRAGMENT = 'envoy.reloadable_features.http_reject_path_with_fragment'

/** For routes that are asked without a listener: nothing is set, normalize_path and merge_slashes are off. */
export function bareConnectionManager(runtime: Runtime, clusterMetadata: Surroundings['clusterMetadata']): ConnectionManager {
  const { front } = DEFAULT_CONNECTION_MANAGER
  return {
    ...DEFAULT_CONNECTION_MANAGER,
    rejectFragment: runtime.flag(REJECT_FRAGMENT, true),
    front: { ...front, around: bareSurroundings(clusterMetadata) },
  }
}

const ESCAPED_SLASHES: Readonly<Record<string, ConnectionManager['escapedSlashes']>> = {
  REJECT_REQUEST: 'reject',
  UNESCAPE_AND_REDIRECT: 'redirect',
  UNESCAPE_AND_FORWARD: 'forward',
}

export function readRouteSource(at: Cursor): RouteSource {
  const kind = at.oneof('route_specifier')
  const inline = at.message('route_config')
  if (inline !== undefined) return { kind: 'inline', at: inline }
  if (kind === 'rds') return { kind, name: at.message(kind)?.string('route_config_name') ?? '' }
  return { kind: 'unknown', what: kind ?? 'no routes' }
}
