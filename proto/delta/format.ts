/**
 * A delta: what turns one artifact into another whose listeners, routes, clusters and programs are the same, so that only rows of endpoints differ. An OCI image
 * like the artifact (proto/artifact/format.ts), so that it is pushed, pulled and signed the same way; its archive is gzip, which skopeo reads as well:
 *
 *   oci-layout, index.json, blobs/sha256/<manifest>, <config>, <changes layer>
 *
 * config         DeltaConfig (JSON, schema proto/delta.schema.json)
 * changes layer  delta/changes.json (DeltaDocument), delta/rows, delta/owners, delta/relocations
 *
 * Rows name each other relative to the first of their cluster, and states by owner: so a delta says nothing about where the kernel keeps either.
 */
export const DELTA_TYPE = 'application/vnd.kmesh.delta.v1'
export const DELTA_CONFIG_TYPE = 'application/vnd.kmesh.delta.config.v1+json'
export const DELTA_LAYER_TYPE = 'application/vnd.kmesh.delta.changes.v1.tar+gzip'

export const DELTA_FILES = {
  changes: 'delta/changes.json',
  rows: 'delta/rows',
  owners: 'delta/owners',
  relocations: 'delta/relocations',
} as const

export interface DeltaConfig {
  readonly schemaVersion: 1
  /** as in an artifact's config */
  readonly abi: { readonly version: number; readonly digest: string }
  readonly compiler: { readonly version: string }
  /** digests under which the artifact may be in force that this leads on from: as it was given, and without its signatures */
  readonly base: readonly string[]
  /** digest of the artifact that this makes of it */
  readonly result: string
  readonly entries: { readonly clusters: number; readonly rows: number; readonly owners: number }
}

/** A cluster whose rows are replaced: its index in km_cluster, where its rows begin in `rows`, how many they are, how many of them are tiers. */
export type DeltaCluster = readonly [index: number, first: number, rows: number, tiers: number]

/** Resources of the services document (proto/http/services.ts) that change places: from `at` of the old list on `remove` go, `insert` come. Ascending, disjoint. */
export interface ResourceSplice {
  readonly at: number
  readonly remove: number
  readonly insert: readonly Readonly<Record<string, unknown>>[]
}

export interface DeltaDocument {
  readonly clusters: readonly DeltaCluster[]
  readonly services?: readonly ResourceSplice[]
}

/** Contents of the changes layer. */
export interface DeltaChanges extends DeltaDocument {
  /** rows of ROW_SIZE bytes; states are indices into `owners` */
  readonly rows: Uint8Array
  /** owner keys of 16 bytes; index 0 is unused (all zero) */
  readonly owners: Uint8Array
  /** byte offsets, ascending, of every u32 index of a state inside `rows` */
  readonly relocations: Uint32Array
}

/** A parsed and verified delta in memory. */
export interface Delta extends DeltaChanges {
  /** "sha256:..." of the manifest */
  readonly digest: string
  readonly config: DeltaConfig
}
