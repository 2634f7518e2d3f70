/**
 * CONTRACT between toPlan and the lowering of HTTP: what it is given and what it gives back. No code.
 * Invariant: whatever the kernel cannot say is a row that sends the request to user space, with its reason in `lanes`; nothing is left out.
 */
import type { Criteria } from '../../http/subset-criteria.ts'
import type { Undone } from '../../http/undone.ts'
import type { RouteFeature } from './features.ts'

/** What HTTP needs of the rest of a Plan. */
export interface HttpContext {
  /** index in km_cluster of what the criteria choose of it; undefined: not in the snapshot */
  cluster(name: string, criteria: Criteria): number | undefined
  /** of all that it has an index for */
  readonly clusterNames: readonly string[]
  /** why the kernel cannot send it requests, which takes HTTP/1.1 in the clear; undefined: it can, or there is no such cluster */
  slowCluster(name: string, criteria: Criteria): Slow | undefined
  /** local state index of the counters of a route, by service, virtual host and route */
  routeState(service: string, virtualHost: string, route: string): number
  /** local state index of the token bucket of a rate limit, by service and xDS path of the filter's configuration */
  bucketState(service: string, path: string): number
}

/** Why the kernel does not do something. */
export interface Slow extends Undone {
  readonly kind: 'slow'
}

export interface LoweredHttp {
  readonly tables: HttpTables
  /** row in km_http of each service, in the order of Program.services */
  readonly services: readonly number[]
  /** of the program that finds routes */
  readonly features: ReadonlySet<RouteFeature>
  readonly lanes: readonly ServiceLanes[]
}

export interface HttpTables {
  /** rows of HTTP_ROW_SIZE bytes, the first unused; empty when there is no service */
  readonly http: Uint8Array
  readonly name: { readonly keys: Uint8Array; readonly values: Uint8Array }
  /** byte offsets, ascending, of local state indices in `http` */
  readonly httpRelocations: Uint32Array
}

/** Where the requests of a service are decided. */
export interface ServiceLanes {
  /** xDS path of the connection manager */
  readonly path: string
  /** why all of its requests are not the kernel's */
  readonly slow: Undone | undefined
  readonly virtualHosts: readonly VirtualHostLane[]
}

export interface VirtualHostLane {
  readonly path: string
  readonly name: string
  /** why all of its requests are not the kernel's */
  readonly slow: Undone | undefined
  readonly routes: readonly RouteLane[]
}

export interface RouteLane {
  readonly path: string
  readonly name: string
  /** slow: user space; waypoint: what user space does not do either */
  readonly lane: 'kernel' | 'slow' | 'waypoint'
  /** why not in the kernel; empty when it is */
  readonly why: string
  /** local state index of its counters */
  readonly state: number
}
