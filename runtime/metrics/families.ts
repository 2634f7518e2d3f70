/**
 * Every metric there is. In: nothing. Out: families with their type, unit, labels and meaning; docs/metrics.md has the same, which a test holds against this. Names never change their meaning.
 * Source of types and naming rules: the OpenMetrics specification, version 1.0 (a counter's samples have the name and _total, an info's _info; a unit ends the name).
 */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'info'
  readonly unit?: 'bytes' | 'seconds'
  readonly labels: readonly string[]
  readonly help: string
}

export const FAMILIES = {
  build: info('kmesh_build', ['version', 'kernel'], 'Version of the runtime, and the release of the kernel.'),
  instance: info('kmesh_instance', ['name', 'cgroup'], 'The instance and the cgroup that it governs.'),
  up: gauge('kmesh_up', [], '1 while a generation of the instance is in force and can be read.'),
  generation: gauge('kmesh_generation', [], 'Number of the generation in force.'),
  generationInfo: info('kmesh_generation_artifact', ['artifact', 'generation'], 'Digest of the artifact in force.'),
  appliedAt: gauge('kmesh_generation_applied_timestamp_seconds', [], 'When the generation in force was made, as Unix time.', 'seconds'),
  generationsKept: gauge('kmesh_generations_kept', [], 'Generations other than the one in force that can be gone back to.'),
  confirmationPending: gauge('kmesh_confirmation_pending', [], '1 while the generation in force waits to be confirmed.'),
  applies: counter(
    'kmesh_applies',
    ['kind', 'result'],
    'Changes of what is in force: kind artifact, delta or rollback; result applied, failed, or refused before it was unpacked.',
  ),
  drift: gauge(
    'kmesh_drift_faults',
    [],
    'Things that are not as they were applied, as far as the kernel alone tells (kmesh-runtime diff says which).',
  ),
  links: gauge('kmesh_links', ['state'], 'Hooks by state: attached, elsewhere or missing.'),
  governed: gauge('kmesh_cgroup_governed', [], '1 while the programs are attached to the cgroup that is there.'),
  memory: gauge(
    'kmesh_memory_bytes',
    ['part'],
    'Kernel memory of the instance: tables of all kept generations, state rows, and what does not grow.',
    'bytes',
  ),
  stateRows: gauge('kmesh_state_rows', ['state'], 'Rows for counters: owned or free.'),

  listenerConnections: counter('kmesh_listener_connections', ['listener', 'protocol'], 'Connections and first datagrams to a listener.'),
  listenerRefused: counter(
    'kmesh_listener_refused',
    ['listener', 'protocol', 'reason'],
    'Of these, those that were refused before a cluster was known.',
  ),
  clusterConnections: counter(
    'kmesh_cluster_connections',
    ['cluster'],
    'Connections, UDP flows and requests of the kernel that were given an endpoint of a cluster.',
  ),
  clusterActive: gauge('kmesh_cluster_active', ['cluster'], 'Connections and requests of a cluster that are under way.'),
  clusterRefused: counter(
    'kmesh_cluster_refused',
    ['cluster', 'reason'],
    'Connections and requests that no endpoint of a cluster was given to.',
  ),
  endpointConnections: counter(
    'kmesh_endpoint_connections',
    ['cluster', 'endpoint'],
    'Connections, UDP flows and requests of the kernel that an endpoint was given.',
  ),
  endpointActive: gauge('kmesh_endpoint_active', ['cluster', 'endpoint'], 'Those that are under way.'),
  endpointFailures: counter(
    'kmesh_endpoint_failures',
    ['cluster', 'endpoint', 'reason'],
    'Connections that an endpoint was given and that never came to be.',
  ),
  refused: counter('kmesh_refused', ['reason'], 'Connections that were refused and belong to no listener or cluster.'),

  routeRequests: counter(
    'kmesh_route_requests',
    ['listener', 'virtual_host', 'route', 'lane'],
    'Requests that the kernel sent on or answered. lane: the one that the compiler chose.',
  ),
  routeReplies: counter(
    'kmesh_route_local_replies',
    ['listener', 'virtual_host', 'route', 'lane', 'code'],
    'Of these, those that the kernel answered itself, by status.',
  ),
  routeSlow: counter(
    'kmesh_route_user_space',
    ['listener', 'virtual_host', 'route', 'lane', 'reason'],
    'Times that a connection went to user space with a request of this route.',
  ),
  unroutedReplies: counter('kmesh_unrouted_local_replies', ['code'], 'Answers of the kernel to requests that no route takes.'),
  unroutedSlow: counter('kmesh_unrouted_user_space', ['reason'], 'Times that a connection went to user space before a route was found.'),
  httpServices: gauge('kmesh_http_services', [], 'HTTP services whose requests are routed one by one: they need a holder.'),
  requests: counter('kmesh_requests', ['lane'], 'Requests by who dealt with them: kernel or user_space.'),
  slowEvents: counter(
    'kmesh_user_space_events',
    ['event'],
    'What the node process did: requests, forwarded, answered, retries, timeouts, waypoint and others.',
  ),
  slowReplies: counter('kmesh_user_space_local_replies', ['code'], 'Answers of the node process itself, by status.'),

  holderUp: gauge('kmesh_holder_up', [], '1 while a holder accepts for HTTP services.'),
  serving: gauge('kmesh_serving', [], '1 while a node process serves what the kernel leaves to user space.'),
  holderConnections: gauge(
    'kmesh_holder_connections',
    ['state'],
    'Connections of clients: all, and those handed to user space or waiting for it.',
  ),
  holderEvents: counter(
    'kmesh_holder_events',
    ['event'],
    'What the holder did since it was started: accepted, returned, opened and others.',
  ),
  holderLosses: counter(
    'kmesh_holder_losses',
    [],
    'Times that a holder ended by itself while a node process served: its connections ended with it.',
  ),
  pools: gauge('kmesh_pools', [], 'Pools of connections to endpoints.'),
  poolConnections: gauge('kmesh_pool_connections', ['state'], 'Connections to endpoints that are kept: open, and of these idle.'),

  monitorListening: gauge('kmesh_monitor_listening', [], '1 while a monitor listens.'),
  monitorLost: counter('kmesh_monitor_lost_events', [], 'Decisions that a monitor was not told, as it was too slow.'),
  owners: gauge('kmesh_owners', ['shown'], 'Owners of counters: named, or summed as other or departed.'),
  scrapeSeconds: gauge('kmesh_scrape_duration_seconds', [], 'How long it took to read all this.', 'seconds'),
} as const satisfies Readonly<Record<string, Family>>
export type FamilyName = keyof typeof FAMILIES

function counter(name: string, labels: readonly string[], help: string): Family {
  return { name, type: 'counter', labels, help }
}

function gauge(name: string, labels: readonly string[], help: string, unit?: NonNullable<Family['unit']>): Family {
  return { name, type: 'gauge', labels, help, ...(unit === undefined ? {} : { unit }) }
}

function info(name: string, labels: readonly string[], help: string): Family {
  return { name, type: 'info', labels, help }
}
