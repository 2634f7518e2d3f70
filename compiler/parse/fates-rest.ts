/**
 * Fates of everything that is neither listener nor cluster: what is left of a bootstrap, secrets, discovered filters, other resources.
 */
import { diverted, each, type Fate, type FateTable, ignored } from './fate.ts'

const PROCESS = ignored('settings of the proxy process: statistics, logs, administration, watchdogs, memory')
const LOOKUP = ignored('addresses of host names are given with --resolve; nothing is looked up')

export const REST_FATES: FateTable = {
  'envoy.config.bootstrap.v3.Bootstrap': {
    ...each(
      'node node_context_params hds_config flags_path stats_sinks deferred_stat_options stats_config stats_flush_interval stats_flush_on_admin stats_eviction_interval watchdog watchdogs ' +
        'tracing admin enable_dispatcher_stats header_prefix stats_server_version_override fatal_actions inline_headers perf_tracing_file_path default_regex_engine ' +
        'application_log_config grpc_async_client_manager_config memory_allocator_manager default_socket_interface listener_manager layered_runtime cluster_manager bootstrap_extensions',
      PROCESS,
    ),
    ...each(
      'dynamic_resources config_sources default_config_source xds_delegate_extension xds_config_tracker_extension',
      ignored('where the proxy gets its configuration; the snapshot holds it'),
    ),
    ...each('use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config', LOOKUP),
    overload_manager: ignored('protects the memory and the descriptors of the proxy process, which is not on the path'),
    certificate_provider_instances: ignored('certificates; listeners and clusters with TLS are diverted'),
    static_resources: ignored('its listeners and clusters are resources of their own; secrets belong to TLS, which is diverted'),
  },
  'envoy.config.core.v3.CidrRange': {
    prefix_len: { class: 'rejected', reason: 'of a range without a valid address, which Envoy refuses' },
  },
}

/** Beginnings of message types, also of types that are in no schema. */
export const PREFIX_FATES: Readonly<Record<string, Fate>> = {
  'envoy.config.route.v3.': diverted('neither the kernel nor the slow path reads this: its requests go to the waypoint'),
  'envoy.extensions.common.matching.': diverted('a filter chosen by a matcher, which needs the waypoint'),
  'envoy.type.matcher.': diverted('a matcher of something that needs the waypoint'),
  'envoy.extensions.filters.http.compressor.': ignored('an answer that is not compressed is the same answer'),
  'envoy.extensions.filters.http.decompressor.': ignored('an answer that is not unpacked is the same answer'),
  'envoy.extensions.filters.http.grpc_stats.': ignored('counts; it decides nothing'),
  'envoy.extensions.filters.http.tap.': ignored('listens; it decides nothing'),
  'envoy.extensions.filters.http.router.': ignored('settings of the router that decide nothing: statistics, logs, headers that explain'),
  'io.istio.http.peer_metadata.': ignored('tells others who the workload is, for statistics; it decides nothing'),
  'istio.envoy.config.filter.http.alpn.': ignored('chooses what TLS negotiates with an endpoint; there is none in plain text'),
  'stats.PluginConfig': ignored('counts; it decides nothing'),
  'envoy.extensions.filters.http.': diverted('a filter that needs the waypoint'),
  'envoy.extensions.filters.network.': diverted('a network filter that the kernel cannot run'),
  'envoy.config.core.v3.TypedExtensionConfig': diverted('a filter that is discovered; the filter chains that ask for it are diverted'),
  'envoy.extensions.transport_sockets.tls.v3.': ignored('certificates; listeners and clusters with TLS are diverted'),
  'envoy.extensions.transport_sockets.': diverted('a transport socket; what needs one is diverted'),
  'envoy.service.runtime.v3.': ignored('runtime settings of the proxy process'),
  'envoy.config.bootstrap.v3.': PROCESS,
}
