/**
 * How headers that a service asks for are found (bpf/lib/http/interest.h). In: their names, by slot. Out: the fields of km_service that tell most other headers apart by first
 * letter and length, and the table of names behind them.
 */
import { NAME_LENGTH_SHIFT, NAME_ROW_SHIFT, NAMES_IN_ROW, names as namesLayout } from '../../../proto/http/matching.ts'
import { nameTable } from '../../../proto/http/name-table.ts'
import type { HttpBuilder } from './builder.ts'

const LETTER_MASK = 31
const LONGEST = 63

export function interestFilter(names: readonly string[]): { readonly letters: number; readonly lengths: bigint } {
  let letters = 0
  let lengths = 0n
  for (const name of names) {
    letters |= 1 << (name.charCodeAt(0) & LETTER_MASK)
    lengths |= 1n << BigInt(Math.min(name.length, LONGEST))
  }
  return { letters: letters >>> 0, lengths }
}

/** Rows that a bucket can name. */
const ROWS = 1 << (32 - NAME_ROW_SHIFT)

/** Fields of km_service_headers; where there is no table the kernel looks names up in km_name. */
export function interestTable(
  names: readonly string[],
  builder: HttpBuilder,
): { readonly names: number; readonly factor: bigint; readonly shift: number } {
  const table = nameTable(names)
  const texts = names.map((name) => builder.text(name).row)
  if (table === undefined || texts.some((row) => row >= ROWS)) return { names: 0, factor: 0n, shift: 0 }
  const entries = table.buckets.map((slot) =>
    slot === undefined
      ? 0
      : ((slot + 1) | ((names[slot]?.length ?? 0) << NAME_LENGTH_SHIFT) | ((texts[slot] ?? 0) << NAME_ROW_SHIFT)) >>> 0,
  )
  const rows = Array.from({ length: entries.length / NAMES_IN_ROW }, (_, at) => ({
    layout: namesLayout,
    values: { name: entries.slice(at * NAMES_IN_ROW, (at + 1) * NAMES_IN_ROW) },
  }))
  return { names: builder.shareRun(rows), factor: table.factor, shift: table.shift }
}
