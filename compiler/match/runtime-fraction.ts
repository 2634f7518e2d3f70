/** RouteMatch.runtime_fraction: a share of the requests, decided by the request's random number. The runtime may set another one. */
import { type Draw, drawOf } from './draw.ts'
import type { Fraction } from '../http/model.ts'
import type { Cursor } from '../input/cursor.ts'
import type { Matcher } from './matcher.ts'

export interface RuntimeFractionMatch {
  readonly kind: 'runtime_fraction'
  readonly fraction: Fraction
}

export const runtimeFraction: Matcher<RuntimeFractionMatch> = {
  kind: 'runtime_fraction',
  read(at, { runtime }) {
    const read = readFraction(at.message('runtime_fraction'))
    if (read === undefined) return []
    const { runtimeKey } = read
    const fraction = runtimeKey === undefined ? read : { ...read, ...runtime.fraction(runtimeKey, read) }
    return [{ kind: 'runtime_fraction', fraction }]
  },
  eval: ({ fraction }, request) => evalFraction(fraction, request.random),
  why: ({ fraction }, request) =>
    `the random number ${request.random} is not in the share of ${fraction.numerator} of ${fraction.denominator}` +
    (fraction.runtimeKey === undefined ? '' : ` (runtime key ${fraction.runtimeKey})`),
}

const DENOMINATORS: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }

/** envoy.config.core.v3.RuntimeFractionalPercent */
export function readFraction(at: Cursor | undefined): Fraction | undefined {
  if (at === undefined) return undefined
  const value = at.message('default_value')
  const runtimeKey = at.string('runtime_key')
  return {
    numerator: value?.number('numerator') ?? 0,
    denominator: DENOMINATORS[value?.enum('denominator') ?? 'HUNDRED'] ?? 100,
    runtimeKey: runtimeKey === '' ? undefined : runtimeKey,
  }
}

export function evalFraction({ numerator, denominator }: Fraction, random: Draw): boolean {
  return drawOf(random, denominator) < numerator
}
