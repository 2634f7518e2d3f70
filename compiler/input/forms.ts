/**
 * Which resources a text holds. In: one parsed JSON or YAML document; out: the raw resources with their types and their places in the document.
 * The form is found from the value itself, never from a file name. Invariant: a form that is not known is named and reported by its caller;
 * foreign content (Kubernetes, Kmesh) has its own code.
 */
import { dumpSection, isDumpSection } from './config-dump.ts'
import type { Origin } from './decode.ts'
import type { Finding, Forms, Found, Pointer } from './found.ts'
import { asList, get, isObject, type JsonObject, keyOf } from './json-object.ts'
import { type MessageType, type Schema, typeName } from './schema.ts'

export const LISTENER = 'envoy.config.listener.v3.Listener'
export const CLUSTER = 'envoy.config.cluster.v3.Cluster'
export const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment'
export const ROUTES = 'envoy.config.route.v3.RouteConfiguration'
export const BOOTSTRAP = 'envoy.config.bootstrap.v3.Bootstrap'
const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret'
const EXTENSION = 'envoy.config.core.v3.TypedExtensionConfig'

/** Keys of a map from kind to list, without underscores and case. Type names and URLs are keys too. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['listeners', LISTENER],
  ['listener', LISTENER],
  ['lds', LISTENER],
  ['clusters', CLUSTER],
  ['cluster', CLUSTER],
  ['cds', CLUSTER],
  ['endpoints', ASSIGNMENT],
  ['endpoint', ASSIGNMENT],
  ['loadassignments', ASSIGNMENT],
  ['clusterloadassignments', ASSIGNMENT],
  ['eds', ASSIGNMENT],
  ['routes', ROUTES],
  ['route', ROUTES],
  ['routeconfigs', ROUTES],
  ['routeconfigurations', ROUTES],
  ['rds', ROUTES],
  ['secrets', SECRET],
  ['sds', SECRET],
])

/** Fields that tell a resource without "@type"; a type is taken when it knows every key of the value. */
const GUESSES: readonly (readonly [string, readonly string[]])[] = [
  [ASSIGNMENT, ['cluster_name', 'endpoints']],
  [ROUTES, ['virtual_hosts', 'vhds']],
  [LISTENER, ['address', 'filter_chains', 'default_filter_chain', 'listener_filters', 'additional_addresses']],
  [EXTENSION, ['typed_config']],
  [CLUSTER, ['name']],
]

const BOOTSTRAP_KEYS = ['static_resources', 'dynamic_resources', 'admin', 'layered_runtime', 'node', 'cluster_manager']
const WRAPPER_DEPTH = 4

export function findResources(value: unknown, schema: Schema): Forms {
  const finder = new Finder(schema)
  if (!finder.look(value, [], WRAPPER_DEPTH)) finder.unknown(value)
  return finder
}

class Finder implements Forms {
  readonly found: Found[] = []
  readonly findings: Finding[] = []
  private readonly schema: Schema

  constructor(schema: Schema) {
    this.schema = schema
  }

  /** -> whether the value has a known form */
  look(value: unknown, at: Pointer, depth: number): boolean {
    if (Array.isArray(value)) return this.list(value, at, depth)
    if (!isObject(value)) return false
    if (Object.hasOwn(value, '@type')) return this.typed(value, at, depth)
    if (this.foreign(value, at)) return true
    const resources = get(value, 'resources')
    if (Array.isArray(resources)) return this.response(resources, get(value, 'type_url'), [...at, 'resources'])
    const configs = get(value, 'configs')
    if (Array.isArray(configs)) return this.dump(configs, [...at, 'configs'])
    if (BOOTSTRAP_KEYS.some((key) => isObject(get(value, key))) && this.knows(BOOTSTRAP, value, 0.5))
      return this.bootstrap(value, at, 'static')
    if (isObject(value.xds)) return this.look(value.xds, [...at, 'xds'], depth - 1)
    const config = get(value, 'config')
    if (Array.isArray(config) && config.some((entry) => Array.isArray(get(entry, 'generic_xds_configs'))))
      return this.clientStatus(config, [...at, 'config'])
    if (this.byKind(value, at)) return true
    const guess = this.guess([value])
    if (guess !== undefined) {
      this.found.push({ type: guess, value, pointer: at, origin: 'xds' })
      return true
    }
    return depth > 0 && this.wrapper(value, at, depth)
  }

  unknown(value: unknown): void {
    const keys = isObject(value) ? Object.keys(value).slice(0, 5) : []
    const hint = isObject(value)
      ? keys.length === 0
        ? 'an empty object'
        : `an object with ${keys.map((key) => JSON.stringify(key.slice(0, 40))).join(', ')}`
      : Array.isArray(value)
        ? 'a list'
        : `a single ${value === null ? 'null' : typeof value}`
    this.findings.push({ code: 'KM1010', severity: 'error', message: `${hint} is no known form of xDS resources`, pointer: [] })
  }

  private typed(value: JsonObject, at: Pointer, depth: number): boolean {
    const url = value['@type']
    const type = typeof url === 'string' ? typeName(url) : ''
    if (isDumpSection(type)) return this.dump([value], at, 'bare')
    if (type === 'envoy.admin.v3.ConfigDump') return this.dump(asList(value.configs), [...at, 'configs'])
    if (type === BOOTSTRAP) return this.bootstrap(value, at, 'static')
    if (type.endsWith('DiscoveryResponse'))
      return this.response(asList(get(value, 'resources')), get(value, 'type_url'), [...at, 'resources'])
    if (type === 'envoy.service.discovery.v3.Resource') return this.response([value], undefined, at, 'bare')
    if (type === 'google.protobuf.Any' && depth > 0) return this.look(value.value, [...at, 'value'], depth - 1)
    this.found.push({ type, value, pointer: at, origin: 'xds' })
    return true
  }

  private foreign(value: JsonObject, at: Pointer): boolean {
    if (typeof value.apiVersion === 'string' && typeof value.kind === 'string') {
      const name = get(get(value, 'metadata'), 'name')
      const named = typeof name === 'string' ? ` "${name.slice(0, 60)}"` : ''
      this.findings.push({
        code: 'KM1009',
        severity: 'error',
        message: `a Kubernetes ${value.kind.slice(0, 60)}${named} (${value.apiVersion.slice(0, 60)}), not xDS`,
        pointer: at,
      })
      return true
    }
    const kmesh =
      Array.isArray(value.workloads) && (Array.isArray(value.services) || Array.isArray(value.policies) || isObject(value.services))
    if (kmesh)
      this.findings.push({
        code: 'KM1008',
        severity: 'error',
        message: 'a Kmesh workload dump (workloads, services, policies), not xDS',
        pointer: at,
      })
    return kmesh
  }

  /** Elements may be resources with @type, resources of one kind without, whole dumps, or {name, resource}. */
  private list(values: readonly unknown[], at: Pointer, depth: number): boolean {
    if (values.length === 0) return true
    const bare = values.filter((value) => isObject(value) && !Object.hasOwn(value, '@type'))
    if (bare.length === values.length) {
      const guess = this.guess(bare as JsonObject[])
      if (guess !== undefined) {
        for (const [index, value] of values.entries()) this.found.push({ type: guess, value, pointer: [...at, index], origin: 'xds' })
        return true
      }
    }
    if (values.every((value) => isObject(value) && isDumpSection(typeName(String(value['@type']))))) return this.dump(values, at)
    if (depth <= 0) return false
    let known = false
    for (const [index, value] of values.entries()) {
      if (isObject(value) && isObject(value.resource)) known = this.response([value], undefined, [...at, index], 'bare')
      else if (this.look(value, [...at, index], depth - 1)) known = true
      else
        this.findings.push({
          code: 'KM1010',
          severity: 'error',
          message: 'an element of the list is no xDS resource',
          pointer: [...at, index],
        })
    }
    return known || this.findings.length > 0
  }

  /** DiscoveryResponse and DeltaDiscoveryResponse, lists of {name, version, resource}, and lists and responses inside of those. */
  private response(resources: readonly unknown[], url: unknown, at: Pointer, form: 'list' | 'bare' = 'list', depth = WRAPPER_DEPTH): true {
    for (const [index, entry] of resources.entries()) {
      const pointer = form === 'bare' ? at : [...at, index]
      const inner = Array.isArray(entry) ? entry : innerResources(entry)
      if (inner !== undefined && depth > 0) {
        const place = inner === entry ? pointer : [...pointer, 'resources']
        this.response(inner, inner === entry ? url : get(entry, 'type_url'), place, 'list', depth - 1)
        continue
      }
      const held = isObject(entry) && isObject(entry.resource) ? entry.resource : undefined
      const value = held ?? entry
      const own = isObject(value) ? value['@type'] : undefined
      const type = typeName(typeof own === 'string' ? own : typeof url === 'string' ? url : '')
      const name = held !== undefined && isObject(entry) && typeof entry.name === 'string' ? { name: entry.name } : {}
      this.found.push({
        type: type || this.guessOne(value),
        value,
        pointer: held === undefined ? pointer : [...pointer, 'resource'],
        origin: 'xds',
        ...name,
      })
    }
    return true
  }

  private dump(sections: readonly unknown[], at: Pointer, form: 'list' | 'bare' = 'list'): true {
    const types = sections.map((section) => (isObject(section) && typeof section['@type'] === 'string' ? typeName(section['@type']) : ''))
    for (const [index, section] of sections.entries()) {
      const pointer = form === 'bare' ? at : [...at, index]
      if (!isObject(section)) continue
      if (types[index] === 'envoy.admin.v3.BootstrapConfigDump') {
        if (isObject(section.bootstrap)) this.bootstrap(section.bootstrap, [...pointer, 'bootstrap'], 'xds', types)
      } else if (isDumpSection(types[index] ?? '')) {
        const { found, findings } = dumpSection(types[index] ?? '', section, pointer, types)
        this.found.push(...found)
        this.findings.push(...findings)
      } else this.look(section, pointer, 1)
    }
    return true
  }

  /** `sections`: the other sections of the dump, which repeat the static resources. */
  private bootstrap(value: JsonObject, at: Pointer, origin: Origin, sections: readonly string[] = []): true {
    const { rest, key } = without(value, 'static_resources')
    this.found.push({ type: BOOTSTRAP, value: rest, pointer: at, origin, name: 'bootstrap' })
    const statics = key === undefined ? undefined : value[key]
    if (key === undefined || !isObject(statics)) {
      if (statics !== undefined && statics !== null)
        this.findings.push({ code: 'KM1101', severity: 'error', message: 'static_resources needs a message', pointer: at })
      return true
    }
    for (const kind of Object.keys(statics)) {
      const type = KINDS.get(plain(kind))
      const list = statics[kind]
      if (list === null) continue
      if (type === undefined || !Array.isArray(list)) {
        const code = type === undefined ? 'KM1103' : 'KM1101'
        this.findings.push({
          code,
          severity: 'error',
          message: type === undefined ? `unknown field ${JSON.stringify(kind.slice(0, 60))} of static_resources` : `${kind} needs a list`,
          pointer: [...at, key, kind],
        })
        continue
      }
      const copy = sections.includes(
        type === LISTENER
          ? 'envoy.admin.v3.ListenersConfigDump'
          : type === CLUSTER
            ? 'envoy.admin.v3.ClustersConfigDump'
            : 'envoy.admin.v3.SecretsConfigDump',
      )
      for (const [index, resource] of list.entries())
        this.found.push({ type, value: resource, pointer: [...at, key, kind, index], origin, ...(copy ? { copy: true as const } : {}) })
    }
    return true
  }

  /** Client status discovery: {config: [{generic_xds_configs: [{type_url, name, xds_config}]}]} */
  private clientStatus(configs: readonly unknown[], at: Pointer): true {
    for (const [index, config] of configs.entries()) {
      const key = isObject(config) && Object.hasOwn(config, 'genericXdsConfigs') ? 'genericXdsConfigs' : 'generic_xds_configs'
      for (const [inner, entry] of asList(get(config, key)).entries()) {
        const held = get(entry, 'xds_config')
        if (!isObject(held)) continue
        const slot = isObject(entry) && Object.hasOwn(entry, 'xdsConfig') ? 'xdsConfig' : 'xds_config'
        this.found.push({
          type: typeName(String(held['@type'] ?? get(entry, 'type_url') ?? '')),
          value: held,
          pointer: [...at, index, key, inner, slot],
          origin: 'xds',
        })
      }
    }
    return true
  }

  /** {listeners: [...], clusters: [...]}, also by type name or URL, and with maps from name to resource in place of lists. */
  private byKind(value: JsonObject, at: Pointer): boolean {
    const keys = Object.keys(value)
    const typeOf = (key: string) => (/^(type\.googleapis\.com\/)?envoy\.[\w.]+$/.test(key) ? typeName(key) : KINDS.get(plain(key)))
    const known = keys.filter((key) => typeOf(key) !== undefined && typeof value[key] === 'object')
    const strange = keys.filter((key) => !known.includes(key) && Array.isArray(value[key]))
    if (known.length === 0 || known.length < strange.length || this.guess([value]) !== undefined) return false
    for (const key of keys) {
      const type = typeOf(key)
      const held = value[key]
      if (type === undefined)
        this.findings.push({
          code: 'KM1010',
          severity: 'error',
          message: `${JSON.stringify(key.slice(0, 60))} is no kind of xDS resource`,
          pointer: [...at, key],
        })
      else if (Array.isArray(held)) this.response(held, type, [...at, key])
      else if (isObject(held) && Array.isArray(get(held, 'resources')))
        this.response(asList(get(held, 'resources')), type, [...at, key, 'resources'])
      else if (isObject(held) && Object.hasOwn(held, '@type')) this.look(held, [...at, key], 1)
      else if (isObject(held)) {
        for (const name of Object.keys(held)) this.found.push({ type, value: held[name], pointer: [...at, key, name], origin: 'xds', name })
      } else if (held !== null)
        this.findings.push({ code: 'KM1101', severity: 'error', message: `${key} needs a list of resources`, pointer: [...at, key] })
    }
    return true
  }

  /** Dumps under names of their own, e.g. by namespace and gateway. */
  private wrapper(value: JsonObject, at: Pointer, depth: number): boolean {
    const inner = Object.entries(value).filter(([, held]) => isObject(held))
    if (inner.length === 0 || inner.length < Object.keys(value).length) return false
    let known = 0
    for (const [key, held] of inner) if (this.look(held, [...at, key], depth - 1)) known++
    return known > 0
  }

  private guessOne(value: unknown): string {
    return (isObject(value) && this.guess([value])) || ''
  }

  private guess(values: readonly JsonObject[]): string | undefined {
    return GUESSES.find(([type, telling]) => {
      const told = values.every((value) => telling.some((name) => get(value, name) !== undefined))
      return told && values.every((value) => this.knows(type, value, 1))
    })?.[0]
  }

  /** whether the type knows at least this share of the value's keys */
  private knows(name: string, value: JsonObject, share: number): boolean {
    const type: MessageType | undefined = this.schema.message(name)
    const keys = Object.keys(value)
    return type !== undefined && keys.length > 0 && keys.filter((key) => type.lookup.has(key)).length >= keys.length * share
  }
}

/** of a response that stands where a resource would */
function innerResources(entry: unknown): readonly unknown[] | undefined {
  const held = isObject(entry) && !Object.hasOwn(entry, '@type') && !isObject(entry.resource) ? entry.resources : undefined
  return Array.isArray(held) ? held : undefined
}

function plain(key: string): string {
  return key.replace(/[_-]/g, '').toLowerCase()
}

function without(value: JsonObject, name: string): { readonly rest: JsonObject; readonly key: string | undefined } {
  const key = keyOf(value, name)
  if (key === undefined) return { rest: value, key }
  return { rest: Object.fromEntries(Object.entries(value).filter(([other]) => other !== key)), key }
}
