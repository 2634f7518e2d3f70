/**
 * A Listener as an item: its addresses and filter chains. In: envoy.config.listener.v3.Listener as plain JSON. Out: the item, and the names of the route
 * configurations that its HTTP connection managers ask for.
 */
import { weightsOf } from './action-text.ts'
import type { Item } from './item.ts'
import { isObject, listAt, objectAt, type Plain, type PlainObject, textAt, without } from './plain.ts'
import { routeConfigurationItem, weightItem } from './route-items.ts'

const HTTP = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const TCP = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'

export function listenerItem(listener: PlainObject, name: string, path: string): Item {
  const chains = listAt(listener, 'filter_chains').map((chain, index) => chainItem(chain, `${path}.filter_chains[${index}]`))
  const fallback = isObject(listener.default_filter_chain)
    ? [defaultChain(listener.default_filter_chain, `${path}.default_filter_chain`)]
    : []
  const addresses = [
    { at: 'address', value: objectAt(listener, 'address') },
    ...listAt(listener, 'additional_addresses').map((one, index) => ({
      at: `additional_addresses[${index}]`,
      value: objectAt(one, 'address'),
    })),
  ]
  return {
    kind: 'listener',
    key: name,
    name,
    path,
    facts: {
      ...(textAt(listener, 'traffic_direction') !== '' && { direction: textAt(listener, 'traffic_direction') }),
      ...(listener.use_original_dst === true && { use_original_dst: 'true' }),
    },
    rest: without(
      listener,
      ...['name', 'address', 'additional_addresses', 'filter_chains', 'default_filter_chain', 'traffic_direction', 'use_original_dst'],
    ),
    parts: [
      ...addresses.map(({ at, value }): Item => {
        const text = addressOf(value)
        return { kind: 'address', key: text, name: text, path: `${path}.${at}`, facts: {}, parts: [] }
      }),
      ...chains,
      ...fallback,
    ],
  }
}

/** "10.0.0.1:80", "udp 10.0.0.1:53", "pipe @x", or JSON for what else Envoy has */
export function addressOf(address: PlainObject): string {
  const socket = objectAt(address, 'socket_address')
  if (textAt(socket, 'address') !== '') {
    const host = textAt(socket, 'address')
    const port = textAt(socket, 'port_value') || textAt(socket, 'named_port') || '0'
    return `${textAt(socket, 'protocol') === 'UDP' ? 'udp ' : ''}${host.includes(':') ? `[${host}]` : host}:${port}`
  }
  const pipe = textAt(address, 'pipe', 'path')
  return pipe === '' ? JSON.stringify(address) : `pipe ${pipe}`
}

function defaultChain(chain: PlainObject, path: string): Item {
  return { ...chainItem(chain, path), key: 'default\0', aka: [], name: 'default' }
}

function chainItem(chain: Plain, path: string): Item {
  const name = textAt(chain, 'name')
  const match = chainMatchText(objectAt(chain, 'filter_chain_match'))
  const filters = listAt(chain, 'filters')
  const last = objectAt(filters.at(-1))
  const { action, clusters, parts, config, routes } = chainAction(
    objectAt(last, 'typed_config'),
    textAt(last, 'name'),
    `${path}.filters[${filters.length - 1}]`,
  )
  const shown = [...filters.slice(0, -1), ...(filters.length === 0 ? [] : [{ ...last, typed_config: config }])]
  return {
    kind: 'filter_chain',
    key: `${name}\0${match}`,
    aka: [match, ...(name === '' ? [] : [`\0${name}`])],
    name: name === '' ? match : name,
    title: name,
    path,
    facts: { match, action },
    rest: { ...without(chain, 'name', 'filter_chain_match', 'filters'), ...(shown.length > 0 && { filters: shown }) },
    clusters,
    ...(routes !== undefined && { routes }),
    parts,
  }
}

interface ChainAction {
  readonly action: string
  readonly routes?: string
  readonly clusters: readonly string[]
  readonly parts: readonly Item[]
  /** what is left of the filter's configuration */
  readonly config: PlainObject
}

function chainAction(config: PlainObject, filter: string, path: string): ChainAction {
  const type = textAt(config, '@type')
  if (type === TCP) return tcpAction(config, path)
  if (type !== HTTP) return { action: filter === '' ? 'none' : `filter ${filter}`, clusters: [], parts: [], config }
  const inline = config.route_config
  if (isObject(inline)) {
    const item = routeConfigurationItem(inline, `${path}.typed_config.route_config`)
    return { action: 'http', clusters: [], parts: [item], config: without(config, 'route_config') }
  }
  const named = textAt(config, 'rds', 'route_config_name')
  if (named === '') return { action: 'http, scoped routes', clusters: [], parts: [], config }
  const left = without(config, 'rds')
  const rds = without(config.rds as PlainObject, 'route_config_name')
  return { action: `http, routes ${JSON.stringify(named)}`, routes: named, clusters: [], parts: [], config: { ...left, rds } }
}

function tcpAction(config: PlainObject, path: string): ChainAction {
  const cluster = textAt(config, 'cluster')
  if (cluster !== '')
    return { action: `cluster ${JSON.stringify(cluster)}`, clusters: [cluster], parts: [], config: without(config, 'cluster') }
  const weights = weightsOf(config.weighted_clusters ?? null)
  return {
    action: 'weighted clusters',
    clusters: weights.map((one) => one.cluster),
    parts: weights.map((one) => weightItem(one, `${path}.typed_config.weighted_clusters`)),
    config: without(config, 'weighted_clusters'),
  }
}

/** FilterChainMatch: its fields as they are, since a reader knows them by these names. */
function chainMatchText(match: PlainObject): string {
  const parts = Object.entries(match).map(([name, value]) => {
    if (name === 'prefix_ranges' || name === 'source_prefix_ranges') return `${name} ${listAt(match, name).map(prefixText).join(' ')}`
    return `${name} ${Array.isArray(value) ? (value as readonly Plain[]).map((one) => textAt(one)).join(' ') : textAt(value) || JSON.stringify(value)}`
  })
  return parts.length === 0 ? 'any' : parts.join(', ')
}

const prefixText = (range: Plain): string => `${textAt(range, 'address_prefix')}/${textAt(range, 'prefix_len') || '0'}`
