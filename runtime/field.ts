/** Offsets of fields of proto/abi.ts by name. Invariant: an unknown name is our own bug and throws. */
import { type Field, get, get64, type Layout, put } from '../proto/layout.ts'

export function fieldOf(layout: Layout, name: string): Field {
  const field = layout.fields[name]
  if (field === undefined) throw new Error(`${layout.name} has no field ${name}`)
  return field
}

/** Reads fields of one layout by name at byte `base` of a view. */
export interface RowReader {
  number(base: number, field: string, index?: number): number
  big(base: number, field: string, index?: number): bigint
  bytes(base: number, field: string): Uint8Array
}

export function rowReader(layout: Layout, table: Uint8Array): RowReader {
  const view = viewOf(table)
  return {
    number: (base, field, index = 0) => get(view, base, fieldOf(layout, field), index),
    big: (base, field, index = 0) => get64(view, base, fieldOf(layout, field), index),
    bytes: (base, name) => {
      const field = fieldOf(layout, name)
      return table.subarray(base + field.offset, base + field.offset + field.count)
    },
  }
}

/** The bytes of one row, absent fields 0. */
export function packRow(layout: Layout, values: Readonly<Record<string, number | bigint | Uint8Array>>): Buffer {
  const row = Buffer.alloc(layout.size)
  const view = viewOf(row)
  for (const [name, value] of Object.entries(values)) {
    const field = fieldOf(layout, name)
    if (value instanceof Uint8Array) row.set(value, field.offset)
    else put(view, 0, field, value)
  }
  return row
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
