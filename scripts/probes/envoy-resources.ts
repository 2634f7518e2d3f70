/**
 * A snapshot as Envoy reads it. In: the sources of a snapshot, in any of their forms, and names that are left out. Out: listeners, clusters and assignments as they stand
 * there, unknown fields included, and which names were left out. Pure.
 */
import { isIP } from 'node:net'
import { ASSIGNMENT, CLUSTER, findResources, LISTENER } from '../../compiler/input/forms.ts'
import { get, isObject, keyOf } from '../../compiler/input/json-object.ts'
import { readText } from '../../compiler/input/read-text.ts'
import { envoySchema } from '../../compiler/input/schema.ts'
import type { Source } from '../../compiler/input/text.ts'
import { arrival } from '../judging/outcome.ts'
import type { Place } from '../judging/places.ts'
import type { JsonObject } from '../oracle/envoy.ts'

export interface EnvoyResources {
  readonly listeners: readonly JsonObject[]
  readonly clusters: readonly JsonObject[]
  readonly assignments: readonly JsonObject[]
  /** listeners and clusters that were named to be left out, and are there */
  readonly leftOut: readonly string[]
}

export function envoyResources(sources: readonly Source[], without: ReadonlySet<string>): EnvoyResources {
  const found = sources
    .flatMap((source) => [...readText(source, envoySchema()).documents].flatMap(({ value }) => findResources(value, envoySchema()).found))
    .filter(({ copy }) => copy === undefined)
  const of = (type: string): readonly JsonObject[] => found.filter((one) => one.type === type).map(({ value }) => withoutType(value))
  const leftOut: string[] = []
  const isKept = (resource: JsonObject): boolean => {
    const name = String(get(resource, 'name'))
    if (!without.has(name)) return true
    leftOut.push(name)
    return false
  }
  return {
    listeners: of(LISTENER).filter(isKept),
    clusters: of(CLUSTER).filter(isKept).map(snakeCased),
    assignments: of(ASSIGNMENT).map(snakeCased),
    leftOut,
  }
}

/** Every IP address with a port that a cluster or an assignment names, in its shortest form, also those that the compiler makes nothing of. */
export function endpointPlaces({ clusters, assignments }: EnvoyResources): readonly Place[] {
  const places: Place[] = []
  const look = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) look(item)
    if (!isObject(value)) return
    const socket = get(value, 'socket_address')
    const [address, port] = [get(socket, 'address'), Number(get(socket, 'port_value') ?? 0)]
    if (typeof address === 'string' && isIP(address) !== 0 && port > 0) places.push(arrival({ address, port }))
    for (const member of Object.values(value)) look(member)
  }
  look(clusters.map((cluster) => get(cluster, 'load_assignment')))
  look(assignments)
  return places
}

/** Members that oracle/envoy.ts looks at. */
const LOOKED_AT = ['eds_cluster_config', 'cluster_name']

function snakeCased(resource: JsonObject): JsonObject {
  const entries = LOOKED_AT.flatMap((name) => {
    const key = keyOf(resource, name)
    return key === undefined || key === name ? [] : [[name, resource[key]] as const, [key, undefined] as const]
  })
  return { ...resource, ...Object.fromEntries(entries) }
}

function withoutType(value: unknown): JsonObject {
  if (!isObject(value)) throw new Error('a resource is no object')
  const { '@type': _, ...resource } = value
  return resource as JsonObject
}
