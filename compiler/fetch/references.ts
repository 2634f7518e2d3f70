/**
 * Which further resources a resource names. In: a resource as JSON with snake_case names; out: names by kind, and those that come from a file.
 * Invariant: pure; finds connection managers and discovered filters wherever they stand in the resource.
 */
import { get, isObject, type JsonObject } from '../input/json-object.ts'
import { typeName } from '../input/schema.ts'
import type { FetchKind } from './kinds.ts'

export interface References {
  readonly eds: readonly string[]
  readonly rds: readonly string[]
  readonly ecds: readonly string[]
  /** a connection manager takes its scopes over SRDS */
  readonly srds: 'all' | 'none'
  /** named, but read from a file of the proxy: a control plane does not have them */
  readonly elsewhere: readonly { readonly kind: FetchKind; readonly name: string }[]
}

const CONNECTION_MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const SCOPE = 'envoy.config.route.v3.ScopedRouteConfiguration'
const CLUSTER = 'envoy.config.cluster.v3.Cluster'

export function referencesOf(resource: JsonObject): References {
  const finder = new Finder()
  const type = typeName(String(resource['@type'] ?? ''))
  if (type === CLUSTER) finder.cluster(resource)
  if (type === SCOPE) finder.name('rds', get(resource, 'route_configuration_name'), undefined)
  finder.walk(resource)
  const names = (kind: FetchKind): readonly string[] => [...(finder.found.get(kind) ?? [])]
  return { eds: names('eds'), rds: names('rds'), ecds: names('ecds'), srds: finder.scopes, elsewhere: finder.elsewhere }
}

class Finder {
  readonly found = new Map<FetchKind, Set<string>>()
  readonly elsewhere: { readonly kind: FetchKind; readonly name: string }[] = []
  scopes: 'all' | 'none' = 'none'

  /** `source`: a ConfigSource; any but a file is taken to be the server that is asked. */
  name(kind: FetchKind, name: unknown, source: unknown): void {
    if (typeof name !== 'string' || name === '') return
    if (isFile(source)) this.elsewhere.push({ kind, name })
    else this.found.set(kind, (this.found.get(kind) ?? new Set()).add(name))
  }

  /** Envoy asks for the assignment by service_name, or by the name of the cluster where that is empty. */
  cluster(cluster: JsonObject): void {
    if (cluster.type !== 'EDS') return
    const eds = cluster.eds_cluster_config
    const service = get(eds, 'service_name')
    this.name('eds', typeof service === 'string' && service !== '' ? service : cluster.name, get(eds, 'eds_config'))
  }

  walk(value: unknown): void {
    if (Array.isArray(value)) for (const item of value as readonly unknown[]) this.walk(item)
    if (!isObject(value)) return
    if (typeof value['@type'] === 'string' && typeName(value['@type']) === CONNECTION_MANAGER) this.connectionManager(value)
    if (isObject(value.config_discovery)) this.name('ecds', value.name, value.config_discovery.config_source)
    for (const key in value) if (typeof value[key] === 'object') this.walk(value[key])
  }

  private connectionManager(manager: JsonObject): void {
    if (isObject(manager.rds)) this.name('rds', manager.rds.route_config_name, manager.rds.config_source)
    const scoped = manager.scoped_routes
    if (!isObject(scoped)) return
    const over = scoped.scoped_rds
    if (isObject(over)) {
      if (isFile(over.scoped_rds_config_source)) this.elsewhere.push({ kind: 'srds', name: String(scoped.name ?? '') })
      else this.scopes = 'all'
    }
    const inline = get(scoped.scoped_route_configurations_list, 'scoped_route_configurations')
    for (const scope of Array.isArray(inline) ? (inline as readonly unknown[]) : [])
      this.name('rds', get(scope, 'route_configuration_name'), scoped.rds_config_source)
  }
}

function isFile(source: unknown): boolean {
  return isObject(source) && (source.path !== undefined || source.path_config_source !== undefined)
}
