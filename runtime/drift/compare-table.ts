/** Entry by entry: what a table holds and what it should. In: both as keys and values; out: the differences, each with its key or row. Pure. */
import type { Entries } from '../sys/libbpf-map.ts'

export interface TableShape {
  readonly keySize: number
  readonly valueSize: number
}

export interface EntryDrift {
  readonly kind: 'missing' | 'extra' | 'changed'
  /** of an array: the row; of the others: position among the entries of the side that has it */
  readonly row: number
  /** bytes of the key; of an array its row, little-endian */
  readonly key: Buffer
}

export function compareTable(
  held: Entries,
  wanted: { readonly keys?: Uint8Array; readonly values: Uint8Array },
  shape: TableShape,
): readonly EntryDrift[] {
  return wanted.keys === undefined
    ? compareRows(held.values, wanted.values, shape)
    : compareEntries(held, wanted.keys, wanted.values, shape)
}

/** An array has every row; those that nobody fills are zero. */
function compareRows(held: Buffer, wanted: Uint8Array, { valueSize }: TableShape): readonly EntryDrift[] {
  const drift: EntryDrift[] = []
  const rows = Math.max(held.length, wanted.length) / valueSize
  const zero = Buffer.alloc(valueSize)
  for (let row = 0; row < rows; row++) {
    const is = held.subarray(row * valueSize, (row + 1) * valueSize)
    const be = row * valueSize < wanted.length ? wanted.subarray(row * valueSize, (row + 1) * valueSize) : zero
    if (is.equals(be)) continue
    const kind = is.length === 0 ? 'missing' : be === zero ? 'extra' : 'changed'
    const key = Buffer.alloc(4)
    key.writeUInt32LE(row)
    drift.push({ kind, row, key })
  }
  return drift
}

function compareEntries(held: Entries, keys: Uint8Array, values: Uint8Array, { keySize, valueSize }: TableShape): readonly EntryDrift[] {
  const drift: EntryDrift[] = []
  const wantedKeys = Buffer.from(keys.buffer, keys.byteOffset, keys.byteLength)
  const wanted = new Map<string, number>()
  for (let row = 0; row * keySize < wantedKeys.length; row++)
    wanted.set(wantedKeys.toString('latin1', row * keySize, (row + 1) * keySize), row)
  for (let row = 0; row < held.count; row++) {
    const key = held.keys.subarray(row * keySize, (row + 1) * keySize)
    const text = key.toString('latin1')
    const other = wanted.get(text)
    wanted.delete(text)
    if (other === undefined) drift.push({ kind: 'extra', row, key })
    else if (
      !held.values.subarray(row * valueSize, (row + 1) * valueSize).equals(values.subarray(other * valueSize, (other + 1) * valueSize))
    )
      drift.push({ kind: 'changed', row, key })
  }
  for (const row of wanted.values()) drift.push({ kind: 'missing', row, key: wantedKeys.subarray(row * keySize, (row + 1) * keySize) })
  return drift
}
