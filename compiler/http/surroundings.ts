/**
 * What stands around a request and formats may show: the listener and filter chain that it came through, the clusters of the snapshot. In: their cursors. Out:
 * names and metadata, read when first asked for.
 */
import type { Cursor } from '../input/cursor.ts'
import type { Metadata } from './model.ts'

export interface Surroundings {
  readonly listener: string
  readonly chain: string
  metadata(of: 'listener' | 'chain'): Metadata
  clusterMetadata(name: string): Metadata
}

/** of routes that are asked without a listener */
export function bareSurroundings(clusterMetadata: Surroundings['clusterMetadata']): Surroundings {
  return { listener: '', chain: '', metadata: () => undefined, clusterMetadata }
}

export const NO_SURROUNDINGS: Surroundings = bareSurroundings(() => undefined)

/** `listener`: a Listener, `chain`: one of its FilterChains */
export function readSurroundings(listener: Cursor, chain: Cursor, clusterMetadata: Surroundings['clusterMetadata']): Surroundings {
  const known = new Map<Cursor, Metadata>()
  return {
    listener: listener.string('name') ?? '',
    chain: chain.string('name') ?? '',
    metadata(of) {
      const at = of === 'listener' ? listener : chain
      if (!known.has(at)) known.set(at, readMetadata(at))
      return known.get(at)
    },
    clusterMetadata,
  }
}

/** `clusters`: by name */
export function metadataOfClusters(clusters: ReadonlyMap<string, Cursor>): Surroundings['clusterMetadata'] {
  const known = new Map<string, Metadata>()
  return (name) => {
    const at = clusters.get(name)
    if (at === undefined) return undefined
    if (!known.has(name)) known.set(name, readMetadata(at))
    return known.get(name)
  }
}

/** `at`: a message with a field `metadata` (envoy.config.core.v3.Metadata) */
export function readMetadata(at: Cursor): Metadata {
  const entries = at.message('metadata')?.entries('filter_metadata') ?? []
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
