/**
 * A client that speaks HTTP/2 from its first byte. In: the connection; nothing of its bytes is consumed. Out: a tunnel to the waypoint; without one, to an endpoint of the one
 * cluster that every request of this connection manager meets; else the connection ends.
 */
import { addressText } from '../../proto/address/address-text.ts'
import { onlyCluster } from '../../compiler/ir/only-cluster.ts'
import type { Evaluator, Service } from './evaluator.ts'
import type { LaneConnection, LaneContext } from './lane-context.ts'
import { join } from './tunnel.ts'
import { open } from './upstream-pool.ts'
import { tunnelToWaypoint } from './waypoint.ts'

export async function serveHttp2(lane: LaneContext, connection: LaneConnection, evaluator: Evaluator, service: Service): Promise<void> {
  lane.statistics.count('http2')
  if ((await tunnelToWaypoint(lane, connection)) === 'done') return
  const only = onlyCluster({
    path: '',
    listener: '',
    manager: service.manager,
    routes: service.table.configuration,
    filters: service.filters,
    undone: new Map(),
    hostNames: new Map(),
  })
  const cluster = only === undefined ? undefined : evaluator.cluster(only.cluster)
  const endpoint = cluster?.target.kind === 'balance' ? lane.picker.pick(cluster.target.balance, undefined) : undefined
  if (cluster === undefined || endpoint === undefined) return
  const place = { address: addressText(endpoint.address), port: endpoint.port, netns: connection.netns }
  const upstream = await open(lane.connect, place, evaluator.settings(cluster.name)).catch(() => undefined)
  if (upstream === undefined) return
  lane.picker.begin(endpoint)
  try {
    await join(connection, upstream, Buffer.alloc(0))
  } finally {
    lane.picker.end(endpoint)
  }
}
