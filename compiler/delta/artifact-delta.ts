/**
 * What a delta has to carry. In: the artifact that is in force somewhere, and the one that shall be. Out: the rows that differ, or why only the whole artifact will do.
 * Invariant: base + delta = next, for everything that the kernel and the slow path see; states are compared by owner, never by index.
 */
import * as abi from '../../proto/abi.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { STATE_KEY_BYTES } from '../../proto/artifact/table-files.ts'
import type { DeltaChanges, DeltaCluster } from '../../proto/delta/format.ts'
import { type ClusterBlock, clusterBlocks } from './cluster-blocks.ts'
import { createOwnerList, ownerAt } from './owners.ts'
import { sameStructure } from './same-structure.ts'
import { serviceSplices } from './service-splices.ts'

export type ArtifactDelta =
  | { readonly kind: 'delta'; readonly changes: DeltaChanges }
  /** `why` completes "the whole artifact is needed: ..." */
  | { readonly kind: 'whole'; readonly why: string }

export function artifactDelta(base: Artifact, next: Artifact): ArtifactDelta {
  const why = sameStructure(base, next)
  if (why !== undefined) return { kind: 'whole', why }
  const services = serviceSplices(base.sources, next.sources)
  if (services.kind === 'other') return { kind: 'whole', why: services.why }
  const [before, after] = [clusterBlocks(base.tables), clusterBlocks(next.tables)]
  const rows = changedRows(
    { block: (index) => before[index] as ClusterBlock, states: base.tables.states },
    { block: (index) => after[index] as ClusterBlock, states: next.tables.states },
    after.keys(),
  )
  return { kind: 'delta', changes: { ...rows, ...(services.splices.length > 0 && { services: services.splices }) } }
}

/** The rows of an artifact's clusters. */
export interface BlockSource {
  block(index: number): ClusterBlock
  /** owner keys of the states that they name */
  readonly states: Uint8Array
}

/** What differs in the rows of these clusters, in ascending order; their settings are the same. */
export function changedRows(base: BlockSource, next: BlockSource, candidates: Iterable<number>): Omit<DeltaChanges, 'services'> {
  const owners = createOwnerList()
  const clusters: DeltaCluster[] = []
  const blocks: Uint8Array[] = []
  const relocations: number[] = []
  let rows = 0
  for (const index of candidates) {
    const block = next.block(index)
    if (sameBlock(base.block(index), base.states, block, next.states)) continue
    const bytes = Uint8Array.from(block.bytes)
    const view = new DataView(bytes.buffer)
    for (const offset of block.relocations) {
      view.setUint32(offset, owners.add(ownerAt(next.states, view.getUint32(offset, true))), true)
      relocations.push(rows * abi.ROW_SIZE + offset)
    }
    const count = bytes.length / abi.ROW_SIZE
    clusters.push([index, rows, count, block.tiers])
    blocks.push(bytes)
    rows += count
  }
  return { clusters, rows: Buffer.concat(blocks), owners: owners.bytes(), relocations: Uint32Array.from(relocations) }
}

function sameBlock(a: ClusterBlock, aStates: Uint8Array, b: ClusterBlock, bStates: Uint8Array): boolean {
  if (a.tiers !== b.tiers || a.bytes.length !== b.bytes.length || a.relocations.length !== b.relocations.length) return false
  const [left, right] = [Buffer.from(a.bytes), Buffer.from(b.bytes)]
  for (const [at, offset] of a.relocations.entries()) {
    if (offset !== b.relocations[at]) return false
    if (!sameOwner(aStates, left.readUInt32LE(offset), bStates, right.readUInt32LE(offset))) return false
    left.writeUInt32LE(0, offset)
    right.writeUInt32LE(0, offset)
  }
  return left.equals(right)
}

function sameOwner(aStates: Uint8Array, a: number, bStates: Uint8Array, b: number): boolean {
  for (let at = 0; at < STATE_KEY_BYTES; at++) if (aStates[a * STATE_KEY_BYTES + at] !== bStates[b * STATE_KEY_BYTES + at]) return false
  return true
}
