/**
 * What the rows of each map look like, as data. In: the maps of maps.ts and the structs of their keys and values. Out: a document that an instance carries among its pins, so that a
 * later runtime can read rows that an earlier one wrote; and a digest of each map.
 * Invariant: two maps of one digest may be the same map; what the numbers in them mean is ABI_VERSION's.
 */
import * as abi from './abi.ts'
import { abiDigest } from './artifact/abi-digest.ts'
import { sha256 } from './artifact/sha256.ts'
import type { FieldType, Layout } from './layout.ts'
import { MAPS, type MapSpec } from './maps.ts'
import { tallyKey } from './watching.ts'

export interface FieldLayout {
  readonly name: string
  readonly type: FieldType
  readonly count: number
  /** bytes from the start of the row */
  readonly offset: number
}

export interface MapLayout {
  readonly type: MapSpec['type']
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly mapped: boolean
  readonly inner?: { readonly type: string; readonly keySize: number; readonly valueSize: number; readonly entries?: number }
  /** of the inner table where there is one; absent: a plain number, or nothing that is ever moved */
  readonly key?: readonly FieldLayout[]
  readonly value?: readonly FieldLayout[]
}

export interface LayoutsDocument {
  readonly schemaVersion: 1
  /** ABI_VERSION */
  readonly version: number
  /** of all layouts (proto/artifact/abi-digest.ts) */
  readonly digest: string
  readonly maps: Readonly<Record<string, MapLayout>>
}

/** Structs of maps whose rows outlive generations. */
const ROWS: Readonly<Record<string, { readonly key?: Layout; readonly value?: Layout }>> = {
  km_generation: {},
  km_record: { value: abi.record },
  km_state: { value: abi.state },
  km_failure: { key: abi.failureKey },
  km_source: { value: abi.source },
  km_seats: { value: abi.socket },
  km_sockets: { value: abi.socket },
  km_flows: { value: abi.flow },
  km_tally: { key: tallyKey },
}

export function layoutsDocument(): LayoutsDocument {
  const maps = Object.fromEntries(MAPS.map((spec) => [spec.name, describe(spec)]))
  return { schemaVersion: 1, version: abi.ABI_VERSION, digest: abiDigest(), maps }
}

/** sha256, hex; of maps that are not there, what nothing else has. */
export function mapDigest(document: LayoutsDocument, name: string): string {
  return sha256(JSON.stringify([name, document.maps[name] ?? null]))
}

function describe({ name, type, keySize, valueSize, maxEntries, mapped, inner }: MapSpec): MapLayout {
  const { key, value } = ROWS[name] ?? {}
  return {
    type,
    keySize,
    valueSize,
    maxEntries,
    mapped: mapped === true,
    ...(inner !== undefined && {
      inner: {
        type: inner.type,
        keySize: inner.keySize,
        valueSize: inner.valueSize,
        ...(inner.entries !== undefined && { entries: inner.entries }),
      },
    }),
    ...(key !== undefined && { key: fieldsOf(key) }),
    ...(value !== undefined && { value: fieldsOf(value) }),
  }
}

function fieldsOf({ fields }: Layout): readonly FieldLayout[] {
  return Object.values(fields).map(({ name, type, count, offset }) => ({ name, type, count, offset }))
}
