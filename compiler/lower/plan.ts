/**
 * A Program as tables and programs: what will be in the kernel, byte by byte, with limits already proven.
 * In: Program (lower/toPlan.ts). Out: plain data; `emit` reads `shape` and `units`, `pack` reads the tables.
 * State ids in the tables are LOCAL indices into `states`; the runtime replaces them by stable ids (proto/artifact).
 */
import type { NamesDocument } from '../../proto/artifact/format.ts'
import type { RouteFeature } from './http/features.ts'
import type { ServiceLanes } from './http/lowered.ts'
import type { PolicyName } from '../../proto/abi.ts'

export interface Plan {
  readonly tables: Tables
  readonly names: NamesDocument
  readonly units: readonly UnitShape[]
  readonly budgets: Budgets
  /** where the requests of HTTP services are decided */
  readonly lanes: readonly ServiceLanes[]
  /** label of generated code or row -> xDS path */
  readonly sourceMap: Readonly<Record<string, string>>
}

/** Exactly the bytes of the inner maps (proto/abi.ts layouts), rows concatenated. */
export interface Tables {
  readonly listener: { readonly keys: Uint8Array; readonly values: Uint8Array }
  readonly match: { readonly keys: Uint8Array; readonly values: Uint8Array }
  readonly chain: Uint8Array
  readonly cluster: Uint8Array
  /** rows of 32 bytes (km_tier, km_group, km_endpoint, km_ring, km_slots) */
  readonly endpoint: Uint8Array
  /** 16-byte owner keys by local state index; index 0 is unused (all zero) */
  readonly states: Uint8Array
  /** byte offsets, ascending, of every u32 local state index inside `endpoint` */
  readonly endpointRelocations: Uint32Array
  /** rows of HTTP_ROW_SIZE bytes: what requests are decided with (proto/http) */
  readonly http: Uint8Array
  readonly name: { readonly keys: Uint8Array; readonly values: Uint8Array }
  /** byte offsets, ascending, of every u32 local state index inside `http` */
  readonly httpRelocations: Uint32Array
}

/** The shape of one generated C file: everything its text depends on (never content). */
export type UnitShape =
  | {
      readonly kind: 'entry'
      readonly tcp: boolean
      readonly udp: boolean
      readonly dynamic: boolean
      readonly weighted: boolean
      readonly http: boolean
    }
  | {
      readonly kind: 'policy'
      readonly policy: PolicyName
      readonly tcp: boolean
      readonly udp: boolean
      readonly sourceHash: boolean
      readonly localities: boolean
    }
  | { readonly kind: 'http_request' }
  | { readonly kind: 'http_route'; readonly features: ReadonlySet<RouteFeature> }
  | { readonly kind: 'http_act' }
  | { readonly kind: 'http_policy'; readonly policy: PolicyName; readonly localities: boolean }
  | { readonly kind: 'http_forward' }

export interface Budgets {
  /** longest chain of tail calls of one decision; the kernel allows 33 */
  readonly tailCalls: number
  readonly entries: {
    readonly listener: number
    readonly match: number
    readonly chain: number
    readonly cluster: number
    readonly endpoint: number
    readonly state: number
    readonly http: number
    readonly name: number
  }
  /** bytes of map contents */
  readonly bytes: number
}
