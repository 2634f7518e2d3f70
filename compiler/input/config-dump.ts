/**
 * Sections of Envoy's /config_dump. In: one section with its type; out: the resources that the proxy uses, and what it does not use (yet), by name.
 * The messages are envoy.admin.v3.*ConfigDump: a resource is an Any inside the state of its entry.
 */
import type { Finding, Forms, Found, Pointer } from './found.ts'
import { asList, get, isObject, type JsonObject, keyOf } from './json-object.ts'
import { typeName } from './schema.ts'

interface Entries {
  /** key of the list */
  readonly list: string
  /** key of the Any in an entry, or in its active state */
  readonly resource: string
  readonly state: 'plain' | 'active_state' | 'warming'
  /** `listeners`: repeats what stands inline in listeners; `clusters`: what stands in clusters */
  readonly copyOf?: 'listeners' | 'clusters'
}

const SCOPES = 'envoy.admin.v3.ScopedRoutesConfigDump'

const SECTIONS: ReadonlyMap<string, readonly Entries[]> = new Map<string, readonly Entries[]>([
  ['envoy.admin.v3.BootstrapConfigDump', []],
  [
    'envoy.admin.v3.ListenersConfigDump',
    [
      { list: 'static_listeners', resource: 'listener', state: 'plain' },
      { list: 'dynamic_listeners', resource: 'listener', state: 'active_state' },
    ],
  ],
  [
    'envoy.admin.v3.ClustersConfigDump',
    [
      { list: 'static_clusters', resource: 'cluster', state: 'plain' },
      { list: 'dynamic_active_clusters', resource: 'cluster', state: 'plain' },
      { list: 'dynamic_warming_clusters', resource: 'cluster', state: 'warming' },
    ],
  ],
  [
    'envoy.admin.v3.EndpointsConfigDump',
    [
      { list: 'static_endpoint_configs', resource: 'endpoint_config', state: 'plain', copyOf: 'clusters' },
      { list: 'dynamic_endpoint_configs', resource: 'endpoint_config', state: 'plain' },
    ],
  ],
  [
    'envoy.admin.v3.RoutesConfigDump',
    [
      { list: 'static_route_configs', resource: 'route_config', state: 'plain', copyOf: 'listeners' },
      { list: 'dynamic_route_configs', resource: 'route_config', state: 'plain' },
    ],
  ],
  [SCOPES, []],
  [
    'envoy.admin.v3.SecretsConfigDump',
    [
      { list: 'static_secrets', resource: 'secret', state: 'plain' },
      { list: 'dynamic_active_secrets', resource: 'secret', state: 'plain' },
      { list: 'dynamic_warming_secrets', resource: 'secret', state: 'warming' },
    ],
  ],
  ['envoy.admin.v3.EcdsConfigDump', [{ list: 'ecds_filters', resource: 'ecds_filter', state: 'plain' }]],
])

export function isDumpSection(type: string): boolean {
  return SECTIONS.has(type)
}

/** `types`: all sections of the dump; inline copies count only where the listeners themselves are missing. */
export function dumpSection(type: string, section: JsonObject, at: Pointer, types: readonly string[]): Forms {
  const found: Found[] = []
  const findings: Finding[] = []
  const hasListeners = types.includes('envoy.admin.v3.ListenersConfigDump')
  for (const entries of SECTIONS.get(type) ?? []) {
    if (entries.copyOf === 'listeners' && hasListeners) continue
    const list = get(section, entries.list)
    const key = keyOf(section, entries.list) ?? entries.list
    if (list !== undefined && list !== null && !Array.isArray(list))
      findings.push({ code: 'KM1101', severity: 'error', message: `${entries.list} needs a list`, pointer: [...at, key] })
    for (const [index, entry] of asList(list).entries()) readEntry(entries, entry, [...at, key, index], found, findings)
  }
  if (type === SCOPES) found.push(...scopesOf(section, at))
  return { found, findings }
}

/** Scoped routes stand in lists of lists; nothing compiles them, and each is named. */
function scopesOf(section: JsonObject, at: Pointer): readonly Found[] {
  return ['inline_scoped_route_configs', 'dynamic_scoped_route_configs'].flatMap((list) =>
    asList(get(section, list)).flatMap((entry, index) =>
      asList(get(entry, 'scoped_route_configs')).map((value, inner): Found => {
        const steps = [
          keyOf(section, list) ?? list,
          index,
          (isObject(entry) && keyOf(entry, 'scoped_route_configs')) || 'scoped_route_configs',
          inner,
        ]
        return { type: 'envoy.config.route.v3.ScopedRouteConfiguration', value, pointer: [...at, ...steps], origin: 'xds', loaded: true }
      }),
    ),
  )
}

function readEntry(entries: Entries, entry: unknown, at: Pointer, found: Found[], findings: Finding[]): void {
  if (!isObject(entry)) {
    findings.push({ code: 'KM1101', severity: 'error', message: `an entry of ${entries.list} needs a message`, pointer: at })
    return
  }
  const active = entries.state === 'active_state'
  const holder = active ? get(entry, 'active_state') : entry
  const holderAt = active ? [...at, keyOf(entry, 'active_state') ?? 'active_state'] : at
  const resource = get(holder, entries.resource)
  const name = text(get(entry, 'name')) ?? text(get(resource, 'name')) ?? text(get(resource, 'cluster_name')) ?? ''
  const what = `${entries.resource.replace('_', ' ')} "${name}"`
  const error = get(entry, 'error_state')
  if (isObject(error)) {
    const details = text(get(error, 'details')) ?? 'no reason given'
    findings.push({
      code: 'KM1016',
      severity: 'warning',
      message: `the proxy refused an update of ${what}: ${details.slice(0, 300).replace(/\s+/g, ' ')}`,
      pointer: [...at, keyOf(entry, 'error_state') ?? 'error_state'],
    })
  }
  const warming = entries.state === 'warming' || isObject(get(entry, 'warming_state'))
  if (warming) {
    const rest = resource !== undefined && active ? 'its active version is compiled' : 'it is not compiled'
    findings.push({ code: 'KM1015', severity: 'warning', message: `${what} is still warming in the proxy; ${rest}`, pointer: at })
  }
  if (entries.state === 'warming' || resource === undefined || resource === null) return
  const own = isObject(resource) ? resource['@type'] : undefined
  found.push({
    type: typeof own === 'string' ? typeName(own) : (TYPES[entries.resource] ?? ''),
    value: entries.resource === 'endpoint_config' ? asSent(resource) : resource,
    pointer: [...holderAt, (isObject(holder) && keyOf(holder, entries.resource)) || entries.resource],
    origin: 'xds',
    loaded: true,
    ...(name === '' ? {} : { name }),
    ...(entries.copyOf ? { copy: true as const } : {}),
  })
}

/** The dump of endpoints is made from the proxy's state and prints a locality without weight as weight 0, which no control plane may send. */
function asSent(assignment: unknown): unknown {
  const key = isObject(assignment) ? keyOf(assignment, 'endpoints') : undefined
  if (key === undefined || !isObject(assignment)) return assignment
  const endpoints = asList(assignment[key]).map((locality) => {
    const weight = isObject(locality) ? keyOf(locality, 'load_balancing_weight') : undefined
    if (weight === undefined || !isObject(locality) || locality[weight] !== 0) return locality
    return { ...locality, [weight]: null }
  })
  return { ...assignment, [key]: endpoints }
}

/** istioctl and some tools print the resource without its "@type" */
const TYPES: Readonly<Record<string, string>> = {
  listener: 'envoy.config.listener.v3.Listener',
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint_config: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  route_config: 'envoy.config.route.v3.RouteConfiguration',
  secret: 'envoy.extensions.transport_sockets.tls.v3.Secret',
  ecds_filter: 'envoy.config.core.v3.TypedExtensionConfig',
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
