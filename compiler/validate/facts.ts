/**
 * What rules need to know of the whole snapshot. In: its resources. Out: plain facts.
 * Source: the keys of layered_runtime are those of Envoy's documentation of regular expressions (re2.max_program_size.*).
 */
import type { Cursor } from '../input/cursor.ts'
import type { Resource } from '../input/resource.ts'

export interface Facts {
  /** names of all clusters; undefined where the snapshot has none, so that nothing can be said */
  readonly clusters: ReadonlySet<string> | undefined
  /** all secrets by name */
  readonly secrets: ReadonlyMap<string, Cursor>
  /** types of the clusters that a bootstrap brings along, by name; undefined where the snapshot has no such bootstrap */
  readonly staticClusters: ReadonlyMap<string, string> | undefined
  /** largest program of a regex */
  readonly regexLimit: number
}

const LIMIT_KEY = 're2.max_program_size.error_level'
/** of Envoy */
const DEFAULT_REGEX_LIMIT = 100

export function factsOf(resources: readonly Resource[]): Facts {
  const names = resources.filter(({ kind }) => kind === 'cds').map(({ name }) => name)
  let regexLimit = DEFAULT_REGEX_LIMIT
  for (const { kind, cursor } of resources) {
    if (kind !== 'bootstrap' || cursor === undefined) continue
    for (const layer of layers(cursor)) regexLimit = keyOf(layer, LIMIT_KEY) ?? regexLimit
  }
  const statics = resources.filter(({ kind, origin, loaded }) => kind === 'cds' && origin === 'static' && !loaded)
  const staticClusters = new Map(statics.map(({ name, cursor }) => [name, cursor?.enum('type') ?? 'STATIC']))
  const secrets = new Map(
    resources.flatMap(({ kind, name, cursor }) => (kind === 'sds' && cursor !== undefined ? [[name, cursor] as const] : [])),
  )
  return {
    secrets,
    staticClusters: staticClusters.size === 0 ? undefined : staticClusters,
    clusters: names.length === 0 ? undefined : new Set(names),
    regexLimit,
  }
}

/** later layers win */
function layers(bootstrap: Cursor): readonly unknown[] {
  const runtime = bootstrap.message('layered_runtime')
  return (runtime?.messages('layers') ?? []).map((layer) => layer.raw('static_layer'))
}

/** The number under a dotted key, however the layer is nested. */
function keyOf(value: unknown, key: string): number | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  for (const [name, inner] of Object.entries(value)) {
    if (name === key) return numberOf(inner)
    const found = key.startsWith(`${name}.`) ? keyOf(inner, key.slice(name.length + 1)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** texts count too, and fractions are cut (tried) */
function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && number >= 0 && number < 2 ** 53 ? Math.floor(number) : undefined
}
