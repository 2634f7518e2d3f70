/**
 * What leads from one artifact to each of those that follow it. In: the base, then for each artifact its bytes and what changed since the one before, as far as that is known.
 * Out: the delta that comparing both whole gives, byte for byte; undefined where the whole artifact is needed.
 * Invariant: while every change is known, only what changed since the base is compared.
 */
import { readArtifact } from '../../proto/artifact/read.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import type { DeltaChanges, DeltaConfig, ResourceSplice } from '../../proto/delta/format.ts'
import { readServicesDocument, SERVICES_FILE } from '../../proto/http/services.ts'
import type { Packed } from '../pack/pack.ts'
import { artifactDelta, type BlockSource, changedRows } from './artifact-delta.ts'
import { type ClusterBlock, clusterBlocks } from './cluster-blocks.ts'
import { packDelta, type PackedDelta } from './pack-delta.ts'

export interface NextArtifact {
  readonly packed: Packed
  readonly blocks: BlockSource | undefined
}

/** Clusters by index; resources of the services document by their place in its list, with their JSON before. */
export interface KnownChange {
  readonly clusters: readonly number[]
  readonly services: readonly { readonly index: number; readonly before: string; readonly after: string }[]
}

export type RunningResult =
  | { readonly kind: 'delta'; readonly delta: PackedDelta }
  /** `why` completes "the whole artifact is needed: ..." */
  | { readonly kind: 'whole'; readonly why: string }

export interface RunningDelta {
  /** `change` undefined: anything may have changed */
  next(artifact: NextArtifact, change: KnownChange | undefined): Promise<RunningResult>
}

/** Where the differences from the base may be. */
interface Candidates {
  readonly clusters: Set<number>
  /** by place in the list: the JSON in the base, and now */
  readonly services: Map<number, { readonly before: string; readonly after: string }>
}

const none = (): Candidates => ({ clusters: new Set(), services: new Map() })

/** `base`: read from its file, or an artifact of the same compiler. */
export function createRunningDelta(base: Artifact | NextArtifact, digests: DeltaConfig['base']): RunningDelta {
  let artifact: Artifact | undefined = 'packed' in base ? undefined : base
  let blocks = 'packed' in base ? base.blocks : undefined
  const baseArtifact = (): Artifact => {
    artifact ??= 'packed' in base ? read(base.packed) : base
    return artifact
  }
  const baseBlocks = (): BlockSource => {
    if (blocks === undefined) {
      const { tables } = baseArtifact()
      const list = clusterBlocks(tables)
      blocks = { block: (index) => list[index] as ClusterBlock, states: tables.states }
    }
    return blocks
  }
  let candidates: Candidates | string = 'packed' in base ? none() : 'nothing was compared yet'

  return {
    async next(next, change) {
      const ends = { compiler: next.packed.config.compiler, base: digests, result: next.packed.digest }
      if (change === undefined || next.blocks === undefined) {
        const made = artifactDelta(baseArtifact(), read(next.packed))
        candidates = made.kind === 'whole' ? made.why : candidatesOf(made.changes, baseArtifact())
        return made.kind === 'whole' ? made : { kind: 'delta', delta: await packDelta(made.changes, ends) }
      }
      if (typeof candidates === 'string') return { kind: 'whole', why: candidates }
      const { clusters, services } = candidates
      for (const index of change.clusters) clusters.add(index)
      for (const { index, before, after } of change.services) services.set(index, { before: services.get(index)?.before ?? before, after })
      const rows = changedRows(
        baseBlocks(),
        next.blocks,
        [...clusters].sort((a, b) => a - b),
      )
      const splices = splicesOf(services)
      return { kind: 'delta', delta: await packDelta({ ...rows, ...(splices.length > 0 && { services: splices }) }, ends) }
    },
  }
}

function read({ bytes }: Packed): Artifact {
  const result = readArtifact(bytes)
  if (result.kind === 'invalid') throw new Error(result.error.message)
  return result.artifact
}

/** What a delta changes; resources that come or go move the places of others, so that these would have to be told anew. */
function candidatesOf({ clusters, services = [] }: DeltaChanges, base: Artifact): Candidates | string {
  if (services.some(({ remove, insert }) => remove !== insert.length)) return 'resources came or went'
  const held = services.length === 0 ? [] : resourcesOf(base)
  return {
    clusters: new Set(clusters.map(([index]) => index)),
    services: new Map(
      services.flatMap(({ at, insert }) =>
        insert.map(
          (resource, offset) => [at + offset, { before: JSON.stringify(held[at + offset]), after: JSON.stringify(resource) }] as const,
        ),
      ),
    ),
  }
}

function resourcesOf({ sources }: Artifact): readonly Readonly<Record<string, unknown>>[] {
  const document = sources.get(SERVICES_FILE)
  return document === undefined ? [] : (readServicesDocument(document)?.resources ?? [])
}

/** As service-splices.ts makes them: neighbours are one splice. */
function splicesOf(services: Candidates['services']): readonly ResourceSplice[] {
  const splices: { at: number; remove: number; insert: Readonly<Record<string, unknown>>[] }[] = []
  for (const [at, { before, after }] of [...services].sort(([a], [b]) => a - b)) {
    if (before === after) continue
    const last = splices.at(-1)
    const insert = JSON.parse(after) as Readonly<Record<string, unknown>>
    if (last !== undefined && last.at + last.remove === at) {
      last.remove++
      last.insert.push(insert)
    } else splices.push({ at, remove: 1, insert: [insert] })
  }
  return splices
}
