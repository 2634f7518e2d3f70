/**
 * Small damage to a configuration, to ask two judges of it. In: plain JSON, values seen in other configurations, a source of numbers. Out: a copy with one
 * thing changed: a field removed, a number out of range, a name that leads nowhere, an item twice, a value or field of another configuration, another type.
 */
import type { Json, JsonObject } from './envoy.ts'

/** what other configurations have: values by the name of their field, and fields by the name of the field that holds them */
export interface Seen {
  readonly values: ReadonlyMap<string, readonly Json[]>
  readonly fields: ReadonlyMap<string, readonly (readonly [string, Json])[]>
}

export interface Mutation {
  readonly config: JsonObject
  /** what was done, for people */
  readonly what: string
}

type Below = (below: number) => number
interface Place {
  readonly holder: Json[] | Record<string, Json>
  readonly key: string | number
  /** the nearest field name */
  readonly field: string
  readonly path: string
}

const NUMBERS: readonly Json[] = [0, -1, 1, 101, 65_536, 4_294_967_296, 1.5]
const TEXTS: readonly Json[] = [
  '',
  'missing',
  '*',
  ':x',
  'a b',
  'NOPE',
  '%',
  '\n',
  '(',
  '0s',
  '-1s',
  '0.0000000001s',
  '315576000001s',
  '10.0.0.1/8',
]
const MOST_SEEN = 400

export function collectSeen(configs: readonly Json[]): Seen {
  const values = new Map<string, Map<string, Json>>()
  const fields = new Map<string, Map<string, readonly [string, Json]>>()
  const put = <T>(map: Map<string, Map<string, T>>, key: string, id: string, value: T): void => {
    const known = map.get(key) ?? new Map<string, T>()
    if (known.size < MOST_SEEN) known.set(id, value)
    map.set(key, known)
  }
  const visit = (value: Json, field: string): void => {
    if (Array.isArray(value)) for (const item of value as readonly Json[]) visit(item, field)
    else if (typeof value === 'object' && value !== null)
      for (const [name, inner] of Object.entries(value as Record<string, Json>)) {
        const text = JSON.stringify(inner)
        if (text.length < 600) put(values, name, text, inner)
        const type = (value as JsonObject)['@type']
        if (text.length < 600 && name !== '@type') put(fields, typeof type === 'string' ? type : field, name + text, [name, inner] as const)
        visit(inner, name)
      }
  }
  for (const config of configs) visit(config, '')
  const lists = <T>(map: Map<string, Map<string, T>>): ReadonlyMap<string, readonly T[]> =>
    new Map([...map].map(([key, inner]) => [key, [...inner.values()]]))
  return { values: lists(values), fields: lists(fields) }
}

/** Of a bootstrap (bootstraps.ts) all but its last cluster, on which others depend. Undefined where the kind that was drawn has no place in this configuration. */
export function mutate(config: JsonObject, seen: Seen, below: Below): Mutation | undefined {
  const copy = structuredClone(config) as Record<string, Json>
  const { listeners, clusters } = copy.static_resources as { readonly listeners: Json[]; readonly clusters: Json[] }
  const last = `clusters[${clusters.length - 1}]`
  const places = [...placesIn(listeners, 'listeners', 'listeners'), ...placesIn(clusters, 'clusters', 'clusters')].filter(
    ({ path }) => !path.startsWith(last),
  )
  const pick = <T>(list: readonly T[]): T | undefined => list[below(list.length)]
  const place = pick(places)
  if (place === undefined) return undefined
  const what = change(place, seen, below, pick)
  return what === undefined ? undefined : { config: copy, what: `${place.path}: ${what}` }
}

function change(place: Place, seen: Seen, below: Below, pick: <T>(list: readonly T[]) => T | undefined): string | undefined {
  const { holder, key, field } = place
  const value = (holder as Record<string | number, Json>)[key] as Json
  const set = (next: Json, what: string): string | undefined => {
    if (JSON.stringify(next) === JSON.stringify(value)) return undefined
    ;(holder as Record<string | number, Json>)[key] = next
    return `${what} ${JSON.stringify(next).slice(0, 200)}`
  }
  switch (below(6)) {
    case 0: {
      if (Array.isArray(holder)) holder.splice(key as number, 1)
      else delete holder[key]
      return 'removed'
    }
    case 1:
      return typeof value === 'number'
        ? set(pick(NUMBERS) as Json, 'number')
        : typeof value === 'string'
          ? set(pick(TEXTS) as Json, 'text')
          : typeof value === 'boolean'
            ? set(!value, 'flag')
            : set(Array.isArray(value) ? [] : {}, 'emptied')
    case 2: {
      if (!Array.isArray(holder)) return undefined
      holder.splice(key as number, 0, structuredClone(value))
      return 'twice'
    }
    case 3: {
      const others = pick(seen.values.get(field) ?? [])
      const other = Array.isArray(holder) && Array.isArray(others) ? pick(others as readonly Json[]) : others
      return other === undefined ? undefined : set(structuredClone(other), 'of another')
    }
    case 4: {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
      const into = value as Record<string, Json>
      const type = into['@type']
      const other = pick(seen.fields.get(typeof type === 'string' ? type : field) ?? [])
      if (other === undefined || JSON.stringify(into[other[0]]) === JSON.stringify(other[1])) return undefined
      into[other[0]] = structuredClone(other[1])
      return `added ${other[0]} ${JSON.stringify(other[1]).slice(0, 200)}`
    }
    default: {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value['@type' as never] === undefined) return undefined
      const type = pick(seen.values.get('@type') ?? []) as string
      ;(holder as Record<string | number, Json>)[key] = { ...(below(2) === 0 ? (value as JsonObject) : {}), '@type': type } as Json
      return `type ${type}`
    }
  }
}

function* placesIn(value: Json[] | Record<string, Json>, field: string, path: string): Generator<Place> {
  for (const [key, inner] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const name = typeof key === 'number' ? field : key
    const at = typeof key === 'number' ? `${path}[${key}]` : `${path}.${key}`
    yield { holder: value, key, field: name, path: at }
    if (typeof inner === 'object' && inner !== null) yield* placesIn(inner as Json[] | Record<string, Json>, name, at)
  }
}
