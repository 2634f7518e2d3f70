/**
 * A growing table of fixed-size rows. In: one layout of proto/abi.ts and values by field name. Out: their bytes, concatenated.
 * Meant for tables with few fields per row; endpoint rows, of which there are many, are written by `balance/` directly.
 */
import { type Layout, put } from '../../proto/layout.ts'

export interface RowTable {
  /** Appends a row (absent fields are 0) and gives its index. */
  push(layout: Layout, values: Readonly<Record<string, number | bigint | Uint8Array>>): number
  /** Appends whole rows that are bytes already; gives the index of the first. */
  append(rows: Uint8Array): number
  readonly count: number
  readonly bytes: Uint8Array
}

export function createRowTable(rowSize: number): RowTable {
  let buffer = new Uint8Array(rowSize * 64)
  let view = new DataView(buffer.buffer)
  let count = 0
  const reserve = (rows: number): void => {
    const needed = (count + rows) * rowSize
    if (needed <= buffer.length) return
    // what was not written yet takes no memory, what was left behind does
    const grown = new Uint8Array(Math.max(needed, buffer.length * 4))
    grown.set(buffer)
    buffer = grown
    view = new DataView(buffer.buffer)
  }
  return {
    push(layout, values) {
      if (layout.size !== rowSize) throw new Error(`${layout.name} is ${layout.size} bytes in a table of ${rowSize}`)
      reserve(1)
      const base = count * rowSize
      for (const name in values) {
        const value = values[name]
        if (value === undefined) continue
        const field = layout.fields[name]
        if (field === undefined) throw new Error(`${layout.name} has no field ${name}`)
        if (value instanceof Uint8Array) buffer.set(value, base + field.offset)
        else put(view, base, field, value)
      }
      return count++
    },
    append(rows) {
      reserve(rows.length / rowSize)
      buffer.set(rows, count * rowSize)
      const first = count
      count += rows.length / rowSize
      return first
    },
    get count() {
      return count
    },
    get bytes() {
      return buffer.subarray(0, count * rowSize)
    },
  }
}
