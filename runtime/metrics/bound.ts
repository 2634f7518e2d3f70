/**
 * Which owners have series of their own. In: the labels that are wanted and the largest number of owners. Out: how an owner is shown, from its kind, its row and whether it still has a name.
 *
 * An owner keeps its row, so the rows decide: those of ids below a power of two are shown by name. Then the same owners are summed from scrape to scrape, also after a restart of whoever reads, and no sum falls because
 * an owner went over to a series of its own. `other` has the rest, for as long as it counts and after that. `departed` has those with an id below the bound that no kept generation shows any more: what they have counted
 * arrives there at once, so that it is right in sums and means nothing in rates.
 */
import { OWNER_KINDS, type OwnerKind } from '../../proto/owner-key.ts'
import { departedOwner, idWidth, TALLY_WIDTHS } from '../../proto/watching.ts'

export const OWNER_LABELS = Object.keys(OWNER_KINDS) as readonly OwnerKind[]
export const DEFAULT_OWNERS = 16_384

export type Shown = 'named' | 'other' | 'departed'

export interface Bound {
  of(kind: OwnerKind, id: number, name: 'known' | 'unknown'): Shown
  /** owners of km_tally, with how they are shown */
  readonly gone: readonly { readonly kind: OwnerKind; readonly owner: number; readonly shown: Shown }[]
}

/** `most`: rounded down to a power of two. */
export function boundOf(labels: readonly OwnerKind[], most: number): Bound {
  const width = most < 1 ? 0 : Math.floor(Math.log2(most))
  const own = (kind: OwnerKind, bits: number): boolean => labels.includes(kind) && bits <= width
  return {
    of: (kind, id, name) => (!own(kind, idWidth(id)) ? 'other' : name === 'known' ? 'named' : 'departed'),
    gone: OWNER_LABELS.flatMap((kind) =>
      Array.from({ length: TALLY_WIDTHS }, (_, bits) => ({
        kind,
        owner: departedOwner(kind, bits === 0 ? 0 : 2 ** (bits - 1)),
        shown: own(kind, bits) ? ('departed' as const) : ('other' as const),
      })),
    ),
  }
}
