/**
 * Virtual clusters of a virtual host: names for groups of requests, which formats show. In: its cursor; a request as it was routed. Out: the first whose headers
 * match; that of all others has no name.
 * Source: Envoy's router/config_impl.cc (virtualClusterFromEntries); tried on Envoy 1.40.
 */
import type { Cursor } from '../input/cursor.ts'
import { evalHeaderMatch, readHeaderMatch } from '../match/header.ts'
import type { VirtualCluster } from './model.ts'
import type { HttpRequest } from './request.ts'

/** `at`: a VirtualHost */
export function readVirtualClusters(at: Cursor): readonly VirtualCluster[] {
  return at
    .messages('virtual_clusters')
    .map((one) => ({ name: one.string('name') ?? '', headers: one.messages('headers').map((header) => readHeaderMatch(header)) }))
}

export function virtualClusterOf(clusters: readonly VirtualCluster[], request: HttpRequest): string | undefined {
  return clusters.find(({ headers }) => headers.every((header) => evalHeaderMatch(header, request)))?.name
}
