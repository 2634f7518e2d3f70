/**
 * What becomes of set fields that no parser reads. In: the tables of fates-*.ts. Out: a list of reasons to divert.
 * Invariant: a field that is in no table makes its listener or cluster diverted; it is never ignored.
 */
import type { Cursor, FieldClass } from '../input/cursor.ts'
import type { Divert } from './resources.ts'

export interface Fate {
  readonly class: FieldClass
  readonly reason: string
}

export type FateTable = Readonly<Record<string, Readonly<Record<string, Fate>>>>

export const ignored = (reason: string): Fate => ({ class: 'ignored-safe', reason })
export const equivalent = (reason: string): Fate => ({ class: 'equivalent', reason })
export const diverted = (reason: string): Fate => ({ class: 'diverted', reason })

/** One fate for several fields. */
export function each(fields: string, fate: Fate): Readonly<Record<string, Fate>> {
  return Object.fromEntries(fields.split(' ').map((field) => [field, fate]))
}

const NOTHING: readonly Divert[] = []

export interface Accounts {
  /** An accountant for messages whose fields `reads` the caller reads itself: gives a reason to divert for every field that nobody understands. */
  for(...reads: readonly string[]): (at: Cursor) => readonly Divert[]
}

/** Accounts for the fields of messages of the types in `table`. */
export function createAccounts(table: FateTable): Accounts {
  const fateOf = (at: Cursor, field: string): Fate | undefined => table[at.type]?.[field]
  return {
    for: (...fields) => {
      const reads = new Set(fields)
      const settled = (at: Cursor, field: string): boolean => reads.has(field) || (fateOf(at, field)?.class ?? 'diverted') !== 'diverted'
      // messages of one shape share their list of fields: a hundred thousand endpoints ask once
      const clean = new Set<readonly string[]>()
      return (at) => {
        const set = at.fields()
        if (clean.has(set)) return NOTHING
        const open = set.filter((field) => !settled(at, field))
        if (open.length === 0) clean.add(set)
        return open.map((field) => {
          const fate = fateOf(at, field)
          if (fate === undefined) at.mark(field, 'diverted', 'this version of the compiler does not know what the field means')
          return { path: at.at(field), why: fate?.reason ?? `${field}, which this version of the compiler does not know` }
        })
      }
    },
  }
}
