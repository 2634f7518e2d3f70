/**
 * Decoded resources -> Resources: typed, readonly, every set field accounted for. In: the resources of input/, the user's options, the reader of
 * balance policies. Out: Resources; findings go to `diag`. Never throws on what a snapshot holds.
 */
import type { PolicyReading } from '../balance/policy.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import type { Resource } from '../input/resource.ts'
import { Assignments } from './assignments.ts'
import { readBootstrap } from './bootstrap.ts'
import { readCluster } from './cluster.ts'
import { isAnyAddress } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { readListener } from './listener.ts'
import type { Cluster, Listener, Resources, RouteConfiguration } from './resources.ts'
import { readRouteConfiguration } from './route-configuration.ts'

export interface ParseOptions {
  /** host name (lower case, no trailing dot) -> addresses as text (`--resolve`) */
  readonly resolve: ReadonlyMap<string, readonly string[]>
  /** addresses of the node (`--address`) */
  readonly addresses: readonly string[]
  /** `--plaintext-to`: labels of endpoints whose servers take plain text too */
  readonly plaintextTo: ReadonlySet<string>
  /** warnings about what is not done become errors */
  readonly strict: boolean
  readonly readBalance: (cluster: Cursor, diag: Diagnostics) => PolicyReading
}

/** Assignments are read when clusters ask for them; `accountRest` when all clusters have. */
export type Parsed = Resources & { readonly assignments: Assignments }

export function parse(resources: readonly Resource[], options: ParseOptions, diag: Diagnostics): Parsed {
  const listeners: Listener[] = []
  const cursors: Cursor[] = []
  const clusters: Cluster[] = []
  const assignments = new Assignments()
  const routeConfigurations: RouteConfiguration[] = []
  for (const { kind, name, cursor } of resources) {
    if (cursor === undefined) continue
    if (kind === 'lds') {
      listeners.push({ ...readListener(cursor, diag), name })
      cursors.push(cursor)
    } else if (kind === 'cds') clusters.push(readCluster(cursor, options, diag))
    else if (kind === 'eds') assignments.add(name, cursor)
    else if (kind === 'rds') routeConfigurations.push(readRouteConfiguration(cursor))
    else if (kind === 'bootstrap') readBootstrap(cursor, diag)
    else
      cursor.markAll(
        'ignored-safe',
        kind === 'sds' ? 'certificates; listeners and clusters with TLS are diverted' : 'nothing at layer 4 refers to it',
      )
  }
  const redirected = listeners.some((listener) => listener.direction !== 'INBOUND' && listener.useOriginalDst)
  const addresses = options.addresses.flatMap((text) => parseIp(text) ?? [])
  for (const [index, listener] of listeners.entries()) {
    if (standsForNothing(listener, redirected) && addresses.length === 0) {
      cursors[index]?.markAll(
        'diverted',
        'a wildcard listener that binds its port stands for addresses of the node, and none is given (--address)',
      )
    }
  }
  return {
    listeners,
    clusters,
    assignments,
    routeConfigurations,
    redirected,
    addresses,
    resolve: resolved(options.resolve),
    plaintextTo: options.plaintextTo,
  }
}

function standsForNothing(listener: Listener, redirected: boolean): boolean {
  if (listener.direction === 'INBOUND' || !listener.bindToPort || (redirected && listener.protocol === 'tcp')) return false
  return listener.addresses.every(({ address }) => isAnyAddress(address))
}

function resolved(table: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly Uint8Array[]> {
  return new Map([...table].map(([name, addresses]) => [name, addresses.flatMap((text) => parseIp(text) ?? [])]))
}
