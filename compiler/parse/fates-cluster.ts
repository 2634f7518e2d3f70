/**
 * Fates of cluster and endpoint fields that no parser reads.
 * Source of each meaning: Envoy's cluster.proto, circuit_breaker.proto, endpoint_components.proto, endpoint.proto.
 */
import { diverted, each, equivalent, type FateTable, ignored } from './fate.ts'

const NAMES = ignored('names and metadata for people and statistics')
const HTTP = ignored('for HTTP requests; connections at layer 4 do not have them')
const LOOKUP = ignored('addresses of host names are given with --resolve; nothing is looked up')
const HEALTH = ignored('for active health checks, which nobody makes here; the health_status of EDS decides')

const UNBALANCED = diverted('settings of a policy that the cluster cannot be balanced by here')
export const CLUSTER_FATES: FateTable = {
  'envoy.config.cluster.v3.Cluster': {
    ...each('ring_hash_lb_config maglev_lb_config least_request_lb_config round_robin_lb_config lb_subset_config', UNBALANCED),
    ...each('alt_stat_name metadata', NAMES),
    ...each('track_timeout_budgets track_cluster_stats lrs_server lrs_report_endpoint_metrics', ignored('statistics and load reports')),
    ...each(
      'max_requests_per_connection upstream_http_protocol_options common_http_protocol_options http_protocol_options http2_protocol_options protocol_selection ' +
        'typed_extension_protocol_options',
      HTTP,
    ),
    connect_timeout: ignored("the client's own connect waits as long as the kernel does (about two minutes), not this long"),
    per_connection_buffer_limit_bytes: ignored('no proxy buffers the bytes'),
    ...each(
      'dns_refresh_rate dns_jitter dns_failure_refresh_rate respect_dns_ttl dns_resolvers use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config',
      LOOKUP,
    ),
    ...each('wait_for_warm_on_init', ignored('warming of the proxy: an apply makes everything visible at once')),
    cleanup_interval: ignored('how long the proxy remembers original destinations'),
    ...each(
      'close_connections_on_host_health_failure',
      ignored('health changes come with the next apply; connections that are open stay open'),
    ),
    ignore_health_on_host_removal: equivalent('without active health checks an endpoint that is gone is gone'),
    preconnect_policy: ignored('connections in advance make no difference to who is met'),
    connection_pool_per_downstream_connection: equivalent('every client connection is a connection of its own'),
    original_dst_lb_config: equivalent('only for clusters of the type ORIGINAL_DST'),
    upstream_config: diverted('a connection pool of its own (upstream_config)'),
    transport_socket_matcher: diverted('transport_socket_matcher'),
  },
  'envoy.config.cluster.v3.Cluster.EdsClusterConfig': { eds_config: ignored('where the proxy gets the assignment; the snapshot holds it') },
  'envoy.config.cluster.v3.Cluster.TransportSocketMatch': { name: NAMES },
  'envoy.config.cluster.v3.UpstreamConnectionOptions': {
    tcp_keepalive: ignored("the client's socket has the client's own keepalive"),
    set_local_interface_name_on_upstream_connections: ignored('a name for logs'),
    happy_eyeballs_config: ignored('only the first address of an endpoint is used'),
  },
  'envoy.config.cluster.v3.Cluster.CommonLbConfig': {
    update_merge_window: ignored('an apply is one update'),
    ignore_new_hosts_until_first_hc: equivalent('nobody makes active health checks'),
    close_connections_on_host_set_change: ignored('connections that are open stay open'),
    override_host_status: equivalent('only for a host that a request names'),
    ...each('locality_weighted_lb_config zone_aware_lb_config consistent_hashing_lb_config', equivalent('this policy does not look at it')),
  },
  'envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig': each(
    'use_hostname_for_hashing hash_balance_factor',
    equivalent('only policies that hash look at it'),
  ),
  'envoy.config.cluster.v3.CircuitBreakers': {},
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds': {
    max_pending_requests: ignored('no connection waits for another: it limits nothing unless it is 0'),
    ...each('max_requests max_retries retry_budget max_connection_pools', HTTP),
    track_remaining: ignored('statistics'),
  },
  'envoy.config.cluster.v3.Cluster.CustomClusterType': { name: ignored('the type of typed_config decides') },
  'envoy.config.cluster.v3.Cluster.OriginalDstLbConfig': {
    ...each('use_http_header http_header_name', HTTP),
    upstream_port_override: diverted('another port for original destinations (upstream_port_override)'),
    metadata_key: diverted('original destinations from metadata (metadata_key)'),
  },
  'envoy.extensions.clusters.dns.v3.DnsCluster': each(
    'dns_refresh_rate dns_failure_refresh_rate respect_dns_ttl dns_jitter typed_dns_resolver_config',
    LOOKUP,
  ),

  'envoy.config.endpoint.v3.ClusterLoadAssignment': {
    named_endpoints: equivalent('Envoy does not use named endpoints'),
  },
  'envoy.config.endpoint.v3.ClusterLoadAssignment.Policy': {
    drop_overloads: equivalent('Envoy drops HTTP requests by it and no TCP or UDP session (tried)'),
    endpoint_stale_after: ignored('the snapshot holds until the next apply'),
  },
  'envoy.config.endpoint.v3.LocalityLbEndpoints': {
    proximity: equivalent('Envoy does not use it'),
    leds_cluster_locality_config: diverted('endpoints that are discovered locality by locality (leds_cluster_locality_config)'),
    load_balancer_endpoints: diverted('endpoints that are discovered locality by locality (load_balancer_endpoints)'),
  },
  'envoy.config.endpoint.v3.LbEndpoint': {},
  'envoy.config.endpoint.v3.Endpoint': { health_check_config: HEALTH },
  'envoy.config.endpoint.v3.Endpoint.AdditionalAddress': {},
  'envoy.config.core.v3.Locality': {},
  'envoy.config.core.v3.SocketAddress': {
    network_namespace_filepath: diverted('an address in another network namespace (network_namespace_filepath)'),
  },
}
