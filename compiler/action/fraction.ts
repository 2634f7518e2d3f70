/** envoy.type.v3.FractionalPercent, and RuntimeFractionalPercent with its default. In: cursors; out: a Fraction, 0 of 100 where nothing is set. */
import type { Fraction } from '../http/model.ts'
import type { Cursor } from '../input/cursor.ts'

const DENOMINATORS: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }

export function readPercent(at: Cursor | undefined): Fraction {
  return {
    numerator: at?.number('numerator') ?? 0,
    denominator: DENOMINATORS[at?.enum('denominator') ?? 'HUNDRED'] ?? 100,
    runtimeKey: undefined,
  }
}
