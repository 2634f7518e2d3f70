/**
 * The artifact: the one thing that compiler and runtime share. An OCI image layout in a tar, deterministic to the byte:
 *
 *   oci-layout, index.json, blobs/sha256/<manifest>, <config>, <programs layer>, <maps layer>, <sources layer>
 *
 * programs layer  programs/<unit>.o                      ELF objects, one per unit
 * maps layer      maps/<table> (table-files.ts)          the bytes of each inner map (lower/plan.ts Tables), maps/names.json
 * sources layer   sources/<unit>.c, sources/coverage.json, sources/source-map.json, with HTTP also sources/services.json (proto/http/services.ts)
 * config          ArtifactConfig (JSON, schema proto/artifact.schema.json)
 *
 * It holds xDS paths keyed by resource name; no lines, columns, file names or times.
 */

import type { KernelProof } from './proof.ts'

export const ARTIFACT_TYPE = 'application/vnd.kmesh.artifact.v1'
export const CONFIG_TYPE = 'application/vnd.kmesh.config.v1+json'
export const LAYER_TYPES = {
  programs: 'application/vnd.kmesh.programs.v1.tar+gzip',
  maps: 'application/vnd.kmesh.maps.v1.tar+gzip',
  sources: 'application/vnd.kmesh.sources.v1.tar+gzip',
} as const

export interface ArtifactConfig {
  readonly schemaVersion: 1
  /** proto/abi.ts ABI_VERSION and the sha256 (hex) over all layouts and maps */
  readonly abi: { readonly version: number; readonly digest: string }
  readonly compiler: { readonly version: string }
  /** the oldest kernel that it is for; helpers of the kernel that its programs call and that Linux 5.15 does not have */
  readonly target: { readonly kernel: string; readonly features: readonly string[] }
  readonly programs: readonly ProgramUnit[]
  /** protocols that have listeners */
  readonly protocols: readonly ('tcp' | 'udp')[]
  readonly entries: Readonly<Record<'listener' | 'match' | 'chain' | 'cluster' | 'endpoint' | 'state' | 'http' | 'name', number>>
  readonly budgets: { readonly tailCalls: number; readonly objectInstructions: number; readonly stackBytes: number }
  /** of kernels that verified all of its programs; absent: nobody gave one */
  readonly proof?: readonly KernelProof[]
}

export interface ProgramUnit {
  /** file name without extension, also the C file's */
  readonly unit: string
  /** what of it goes where: program name in the object -> hook and slot in the generation's block */
  readonly slots: readonly {
    readonly program: string
    readonly hook: 'connect4' | 'connect6' | 'sendmsg4' | 'sendmsg6' | 'request'
    readonly slot: number
    readonly instructions: number
  }[]
}

/** What the kernel's rows are called; gzipped into km_names. Indices are those of the tables. */
export interface NamesDocument {
  readonly listeners: readonly NamedListener[]
  readonly clusters: readonly NamedCluster[]
  readonly services: readonly NamedService[]
}

/** One HTTP connection manager. */
export interface NamedService {
  /** name of its listener */
  readonly listener: string
  /** xDS path of the connection manager */
  readonly path: string
  readonly routes: readonly NamedRoute[]
}

export interface NamedRoute {
  /** local state index, as below: requests are its `connections`, local replies its `failures` */
  readonly state: number
  readonly virtualHost: string
  /** its name; empty when it has none */
  readonly name: string
  /** xDS path */
  readonly path: string
  readonly lane: 'kernel' | 'slow' | 'waypoint'
  /** why not in the kernel */
  readonly why?: string
}

export interface NamedListener {
  readonly name: string
  /** local state index; the runtime rewrites it to the stable id before it fills km_names */
  readonly state: number
  readonly protocol: 'tcp' | 'udp'
  /** as people write them: "10.0.0.1:80", "0.0.0.0:80", "[::]:80", "*" for the catch-all */
  readonly addresses: readonly string[]
  /** set when the listener or some of its chains are diverted: why, with the xDS path */
  readonly diverted?: readonly { readonly path: string; readonly why: string }[]
}

export interface NamedCluster {
  readonly name: string
  /** local state index, as above */
  readonly state: number
  readonly policy: string
  /** routes that the kernel decides lead to it */
  readonly requests?: 'kernel'
  /** set when every connection to it is refused */
  readonly refused?: string
}

/** A parsed and verified artifact in memory. */
export interface Artifact {
  /** "sha256:..." of the manifest; km_record.digest holds its 32 bytes */
  readonly digest: string
  readonly config: ArtifactConfig
  /** unit -> ELF bytes */
  readonly programs: ReadonlyMap<string, Uint8Array>
  readonly tables: ArtifactTables
  readonly names: NamesDocument
  /** sources layer, by path below sources/ */
  readonly sources: ReadonlyMap<string, Uint8Array>
}

/** The bytes of the inner maps; see compiler/lower/plan.ts Tables. State ids are local indices until relocated. */
export interface ArtifactTables {
  readonly listenerKeys: Uint8Array
  readonly listenerValues: Uint8Array
  readonly matchKeys: Uint8Array
  readonly matchValues: Uint8Array
  readonly chain: Uint8Array
  readonly cluster: Uint8Array
  readonly endpoint: Uint8Array
  readonly states: Uint8Array
  /** little-endian u32 byte offsets of local state indices in `endpoint` */
  readonly endpointRelocations: Uint8Array
  readonly http: Uint8Array
  readonly nameKeys: Uint8Array
  readonly nameValues: Uint8Array
  /** the same for `http` */
  readonly httpRelocations: Uint8Array
}
