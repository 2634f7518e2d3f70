/**
 * Fates of listener, filter-chain, tcp_proxy and udp_proxy fields that no parser reads.
 * Source of each meaning: Envoy's listener.proto, listener_components.proto, tcp_proxy.proto, udp_proxy.proto.
 */
import { diverted, each, equivalent, type FateTable, ignored } from './fate.ts'

const SOCKET = ignored("belongs to the proxy's own listening socket; the kernel decides at connect and listens nowhere")
const LOGS = ignored('logging does not decide where a connection goes')
const NAMES = ignored('names and metadata for people and statistics')
const TIMER = ignored('the connection is native TCP between client and endpoint: no proxy is there to close it after this time')
const BUFFERS = ignored('no proxy buffers the bytes')

export const LISTENER_FATES: FateTable = {
  'envoy.config.listener.v3.Listener': {
    ...each('stat_prefix metadata', NAMES),
    ...each('access_log', LOGS),
    ...each('per_connection_buffer_limit_bytes', BUFFERS),
    ...each(
      'transparent freebind socket_options tcp_fast_open_queue_length connection_balance_config reuse_port enable_reuse_port tcp_backlog_size ' +
        'max_connections_to_accept_per_socket_event enable_mptcp ignore_global_conn_limit bypass_overload_manager drain_type',
      SOCKET,
    ),
    ...each(
      'listener_filters_timeout continue_on_listener_filters_timeout',
      ignored('no listener filter waits for bytes: the connection is decided before any are sent'),
    ),
    api_listener: diverted('api_listener, which only Envoy Mobile has'),
    filter_chain_matcher: diverted('filter_chain_matcher'),
    fcds_config: diverted('filter chains that are discovered (fcds_config)'),
  },
  'envoy.config.listener.v3.Listener.DeprecatedV1': {},
  'envoy.config.listener.v3.AdditionalAddress': { socket_options: SOCKET },
  'envoy.config.listener.v3.UdpListenerConfig': {
    ...each('downstream_socket_config udp_packet_packet_writer_config', SOCKET),
    quic_options: diverted('QUIC (quic_options)'),
  },
  'envoy.config.listener.v3.ListenerFilter': { name: NAMES },
  'envoy.config.listener.v3.Filter': { name: NAMES },
  'envoy.config.listener.v3.FilterChain': {
    ...each('name metadata', NAMES),
    transport_socket_connect_timeout: ignored('there is no handshake to wait for'),
  },
  'envoy.config.core.v3.TransportSocket': { name: ignored('the type of typed_config decides') },
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': {
    stat_prefix: NAMES,
    ...each('access_log access_log_flush_interval flush_access_log_on_connected access_log_options', LOGS),
    ...each('idle_timeout downstream_idle_timeout upstream_idle_timeout', TIMER),
    ...each(
      'max_connect_attempts backoff_options',
      ignored("the client's own connect meets one endpoint; a failed one is the client's to repeat"),
    ),
    upstream_connect_mode: ignored('the endpoint is connected at once; who is met does not change'),
    max_early_data_bytes: BUFFERS,
    proxy_protocol_tlvs: equivalent('only in a PROXY protocol header; clusters that send one are diverted'),
    tunneling_config: diverted('a tunnel over HTTP (tunneling_config)'),
    max_downstream_connection_duration: diverted('max_downstream_connection_duration, which nobody could enforce'),
    max_downstream_connection_duration_jitter_percentage: equivalent('only together with max_downstream_connection_duration'),
    on_demand: diverted('clusters that are discovered on demand (on_demand)'),
  },
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster': {},
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight': {},
  'envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig': {
    stat_prefix: NAMES,
    ...each('access_log proxy_access_log access_log_options', LOGS),
    idle_timeout: ignored('a socket keeps its endpoint as long as it lives; after this time Envoy might choose another'),
    upstream_socket_config: SOCKET,
    use_original_src_ip: equivalent("the client's own socket sends: the endpoint sees its address anyway"),
    tunneling_config: diverted('a tunnel over HTTP (tunneling_config)'),
    session_filters: diverted('session_filters'),
  },
  'envoy.config.core.v3.SocketAddress': {
    network_namespace_filepath: diverted('an address in another network namespace (network_namespace_filepath)'),
  },
}
