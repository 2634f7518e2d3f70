/**
 * Generates a snapshot of many TCP services: what a control plane sends to a client's proxy, a list of resources with `@type`.
 *
 * In: argv (numbers of services and endpoints, a seed). Out: a JSON or YAML file, written as a stream.
 * Invariant: the same arguments give the same bytes; `--shuffle` changes the order of keys and resources, never the meaning.
 */
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import yargs from 'yargs'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type Resource = { readonly [key: string]: Json }

export interface Population {
  readonly services: number
  /** spread over the services as evenly as it goes; at least one each */
  readonly endpoints: number
  readonly seed: number
  /** first octet of every address: 127 stays on the machine, 10 is for closed network namespaces and for compiling only */
  readonly network: 127 | 10
}

const TYPE = 'type.googleapis.com/envoy'

/** The resources of a population in a control plane's order: listeners, clusters, assignments. Made one at a time. */
export function* resources(population: Population): Generator<Resource> {
  for (let index = 0; index < population.services; index++) yield listener(population, index)
  for (let index = 0; index < population.services; index++) yield cluster(population, index)
  for (let index = 0; index < population.services; index++) yield assignment(population, index)
}

/** Service `index` is dialled at this address. */
export function serviceAddress(network: number, index: number): { readonly address: string; readonly port: number } {
  return { address: dotted(network, 96 << 16, index + 1), port: PORTS[index % PORTS.length] ?? 80 }
}

/** Endpoint number `index` of the whole population. */
export function endpointAddress(network: number, index: number): { readonly address: string; readonly port: number } {
  return { address: dotted(network, 128 << 16, index + 1), port: 8080 }
}

/** First endpoint number of a service and how many it has. */
export function endpointsOf(population: Population, index: number): { readonly first: number; readonly count: number } {
  const each = Math.floor(population.endpoints / population.services)
  const more = population.endpoints % population.services
  return { first: index * each + Math.min(index, more), count: each + (index < more ? 1 : 0) }
}

const PORTS = [3306, 5432, 6379, 9042, 27017, 9092, 5672, 11211] as const

/** 254 hosts in each /24, so that no address ends in 0 or 255. */
function dotted(network: number, base: number, index: number): string {
  const host = ((index - 1) % 254) + 1
  const rest = (base >>> 8) + Math.floor((index - 1) / 254)
  return `${network}.${(rest >>> 8) & 255}.${rest & 255}.${host}`
}

function nameOf(index: number): string {
  return `outbound|${serviceAddress(127, index).port}||tcp-${String(index).padStart(5, '0')}.load.svc.cluster.local`
}

function listener(population: Population, index: number): Resource {
  const { address, port } = serviceAddress(population.network, index)
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name: `${address}_${port}`,
    address: { socketAddress: { address, portValue: port } },
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.tcp_proxy',
            typedConfig: {
              '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
              statPrefix: nameOf(index),
              cluster: nameOf(index),
            },
          },
        ],
      },
    ],
    trafficDirection: 'OUTBOUND',
    bindToPort: false,
  }
}

function cluster(population: Population, index: number): Resource {
  const policies = ['ROUND_ROBIN', 'ROUND_ROBIN', 'ROUND_ROBIN', 'LEAST_REQUEST', 'LEAST_REQUEST', 'RANDOM'] as const
  return {
    '@type': `${TYPE}.config.cluster.v3.Cluster`,
    name: nameOf(index),
    type: 'EDS',
    edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: 'V3' }, serviceName: nameOf(index) },
    connectTimeout: '10s',
    lbPolicy: policies[hash(population.seed, index) % policies.length] ?? 'ROUND_ROBIN',
    circuitBreakers: { thresholds: [{ maxConnections: 4294967295, maxPendingRequests: 4294967295, maxRequests: 4294967295 }] },
  }
}

function assignment(population: Population, index: number): Resource {
  const { first, count } = endpointsOf(population, index)
  const zones = new Map<string, Json[]>()
  for (let number = first; number < first + count; number++) {
    const { address, port } = endpointAddress(population.network, number)
    const zone = `zone-${'abc'.charAt(hash(population.seed, number) % 3)}`
    const list = zones.get(zone) ?? []
    list.push({ endpoint: { address: { socketAddress: { address, portValue: port } } }, loadBalancingWeight: 1 })
    zones.set(zone, list)
  }
  return {
    '@type': `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`,
    clusterName: nameOf(index),
    endpoints: [...zones].sort().map(([zone, lbEndpoints]) => ({
      locality: { region: 'region-1', zone },
      lbEndpoints,
      loadBalancingWeight: lbEndpoints.length,
    })),
  }
}

/** A 32-bit mix of two numbers (the finalizer of MurmurHash3), so that any part can be made without the parts before it. */
function hash(seed: number, index: number): number {
  let value = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** A permutation of a list, fixed by the seed. */
export function shuffled<T>(list: readonly T[], seed: number): T[] {
  const order = list.map((item, index) => ({ item, key: hash(seed, index) }))
  return order.sort((a, b) => a.key - b.key).map(({ item }) => item)
}

/** The same value with the keys of every object in another order. Lists keep theirs: it has a meaning. */
export function shuffledKeys(value: Json, seed: number): Json {
  if (Array.isArray(value)) return value.map((item: Json, index) => shuffledKeys(item, seed + index))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(shuffled(Object.entries(value), seed).map(([key, item]) => [key, shuffledKeys(item as Json, seed + 1)]))
}

/** One list item as block YAML, without the line end. */
export function yaml(value: Json, indent: string): string {
  if (value === null || typeof value !== 'object') return ` ${JSON.stringify(value)}`
  if (Array.isArray(value))
    return value.length === 0 ? ' []' : value.map((item: Json) => `\n${indent}-${yaml(item, `${indent}  `)}`).join('')
  const entries = Object.entries(value)
  return entries.length === 0
    ? ' {}'
    : entries.map(([key, item]) => `\n${indent}${JSON.stringify(key)}:${yaml(item as Json, `${indent}  `)}`).join('')
}

async function main(): Promise<void> {
  const argv = await yargs(process.argv.slice(2))
    .scriptName('generate')
    .usage('$0 --services N --endpoints M -o FILE')
    .option('services', { type: 'number', demandOption: true, describe: 'TCP services: a listener, a cluster and an assignment each' })
    .option('endpoints', { type: 'number', demandOption: true, describe: 'endpoints of all services together' })
    .option('seed', { type: 'number', default: 1, describe: 'another seed, another choice of policies and zones' })
    .option('network', { choices: [127, 10] as const, default: 127 as const, describe: 'first octet of all addresses' })
    .option('format', { choices: ['json', 'yaml'] as const, default: 'json' as const })
    .option('shuffle', { type: 'number', describe: 'put keys and resources into another order, fixed by this seed' })
    .option('output', {
      alias: 'o',
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'file to write; - is standard output',
    })
    .strict()
    .parseAsync()
  const { services, endpoints, seed, network, shuffle, format } = argv
  if (!(services >= 1 && services <= 1_000_000 && endpoints >= services && endpoints <= 8_000_000)) {
    process.stderr.write('generate: 1 to 1,000,000 services, and from one endpoint a service to 8,000,000 together\n')
    process.exit(2)
  }
  const made = resources({ services, endpoints, seed, network })
  const list = shuffle === undefined ? made : shuffled([...made], shuffle).map((item) => shuffledKeys(item, shuffle))
  const out = argv.output === '-' ? process.stdout : createWriteStream(argv.output)
  let buffer = format === 'json' ? '[' : ''
  let separator = format === 'json' ? '\n' : ''
  for (const resource of list) {
    buffer += separator + (format === 'json' ? JSON.stringify(resource) : `-${yaml(resource, '  ')}`)
    separator = format === 'json' ? ',\n' : '\n'
    if (buffer.length < 1 << 20) continue
    if (!out.write(buffer)) await once(out, 'drain')
    buffer = ''
  }
  out.write(buffer + (format === 'json' ? '\n]\n' : '\n'))
  if (out !== process.stdout) await finished(out.end())
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
