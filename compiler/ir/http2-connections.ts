/**
 * Clients that speak HTTP/2 from the first byte. In: a service and which clusters speak HTTP/2. Out: where something says that there are such clients, a warning of what
 * becomes of their connections. Source: runtime/slow/serve-http2.ts, which does it.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import { namedClusters } from '../http/named-clusters.ts'
import { onlyCluster } from './only-cluster.ts'
import type { HttpService } from './program.ts'

export function reportHttp2(service: HttpService, speaksHttp2: (cluster: string) => boolean, diag: Diagnostics): void {
  const { codec, sniffed, routes, path } = service
  const asked = codec === 'HTTP2' || sniffed?.protocols.every((protocol) => protocol === 'h2c') === true
  if (!asked && ![...namedClusters(routes)].some(speaksHttp2)) return
  const only = onlyCluster({ ...service, undone: new Map() })
  const otherwise =
    only === undefined
      ? 'they are ended, as their requests need to be looked at'
      : `each of them stays with one endpoint of cluster "${only.cluster}"`
  diag.report({
    code: 'KM1705',
    severity: 'warning',
    path,
    message: `connections in HTTP/2 go to the waypoint; without one ${otherwise}`,
    fix: 'run `kmesh-runtime serve --waypoint HOST:PORT` to have their requests balanced one by one',
  })
}
