/**
 * Rows of one layout as rows of another, field by field and by name. In: rows, how they are laid out, how they shall be. Out: rows. A field that only the old layout has is left behind, one that only
 * the new one has is 0; a number may get wider. Pure.
 */
import type { FieldLayout } from '../../proto/map-layouts.ts'

export interface RowForm {
  /** bytes of a row */
  readonly size: number
  readonly fields: readonly FieldLayout[]
}

const WIDTH = { u8: 1, u16: 2, u32: 4, u64: 8 } as const

export function moveRows(rows: Uint8Array, from: RowForm, to: RowForm): Buffer {
  const count = rows.length / from.size
  const moved = Buffer.alloc(count * to.size)
  const steps = stepsBetween(from, to)
  for (let row = 0; row < count; row++)
    for (const { source, target, bytes } of steps)
      moved.set(rows.subarray(row * from.size + source, row * from.size + source + bytes), row * to.size + target)
  return moved
}

/** Names of fields whose values do not come along. */
export function fieldsLost(from: RowForm, to: RowForm): readonly string[] {
  return from.fields.filter((field) => !to.fields.some((other) => fits(field, other))).map(({ name }) => name)
}

export function fieldsNew(from: RowForm, to: RowForm): readonly string[] {
  return to.fields.filter((field) => !from.fields.some((other) => fits(other, field))).map(({ name }) => name)
}

function stepsBetween(from: RowForm, to: RowForm): readonly { readonly source: number; readonly target: number; readonly bytes: number }[] {
  return from.fields.flatMap((field) => {
    const other = to.fields.find((candidate) => fits(field, candidate))
    // little-endian: a wider number has the same bytes first, and zeros behind them
    return other === undefined ? [] : [{ source: field.offset, target: other.offset, bytes: WIDTH[field.type] * field.count }]
  })
}

function fits(from: FieldLayout, to: FieldLayout): boolean {
  if (from.name !== to.name || from.count !== to.count) return false
  return from.type === to.type || (from.count === 1 && WIDTH[from.type] < WIDTH[to.type])
}
