/**
 * The semantic difference of two sides, each a snapshot or an artifact. In: both sides, read and analysed. Out: changes by name, and how far they reach.
 * Two snapshots are compared by all that they say, HTTP included; where a side is an artifact, by what the kernel gets, which is all that an artifact holds.
 */
import type { Resource } from '../input/resource.ts'
import { type Blast, blastRadius } from './blast.ts'
import { type Change, compareItems } from './compare.ts'
import type { Compiled } from './compiled.ts'
import { snapshotItems } from './snapshot-items.ts'
import { tableItems } from './table-items.ts'

export type Side =
  | { readonly form: 'snapshot'; readonly name: string; readonly resources: readonly Resource[]; readonly compiled: Compiled }
  | { readonly form: 'artifact'; readonly name: string; readonly digest: string; readonly compiled: Compiled }

/** proto/diff.schema.json, without diagnostics */
export interface Difference {
  readonly same: boolean
  readonly old: SideName
  readonly new: SideName
  /** what was compared: everything set, or what the kernel gets */
  readonly level: 'configuration' | 'kernel'
  readonly changes: readonly Change[]
  readonly blast: Blast
}

export interface SideName {
  readonly name: string
  readonly form: 'snapshot' | 'artifact'
  readonly digest?: string
}

export function diffSides(old: Side, now: Side): Difference {
  const whole = old.form === 'snapshot' && now.form === 'snapshot'
  const items = (side: Side) => (whole && side.form === 'snapshot' ? snapshotItems(side.resources) : tableItems(side.compiled))
  const [before, after] = [items(old), items(now)]
  const changes = compareItems(before, after)
  const blast = blastRadius(changes, { compiled: old.compiled, items: before }, { compiled: now.compiled, items: after })
  return {
    same: changes.length === 0 && !blast.programs.replaced && blast.entries.written === 0 && blast.entries.removed === 0,
    old: sideName(old),
    new: sideName(now),
    level: whole ? 'configuration' : 'kernel',
    changes,
    blast,
  }
}

function sideName(side: Side): SideName {
  return { name: side.name, form: side.form, ...(side.form === 'artifact' && { digest: side.digest }) }
}
