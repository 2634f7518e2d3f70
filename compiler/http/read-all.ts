/** A list of messages read one by one. In: their cursors. Out: what is made of each; lists without any are one list, as most of a hundred thousand routes have several of them. */
import type { Cursor } from '../input/cursor.ts'

const NONE: readonly never[] = []

export function readAll<Item>(cursors: readonly Cursor[], read: (at: Cursor) => Item): readonly Item[] {
  return cursors.length === 0 ? NONE : cursors.map(read)
}
