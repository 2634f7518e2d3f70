/**
 * What a dial test expects against what the interpreter of layer 4 decided. In: expectations and a Decision. Out: failures. A share is a part of 1 or a text with "%",
 * and holds within a tenth of a percent; shares and clusters list everybody who may be met.
 */
import type { Decision } from '../ir/eval.ts'
import { isOneOf, shown } from './check-decision.ts'
import type { Expected, Failure } from './route-test.ts'

const TOLERANCE = 0.001

/** The decision in the words of a test. */
export interface DecidedDial {
  readonly outcome: 'balanced' | 'refused' | 'passed'
  readonly listener: string | undefined
  /** when there is just one */
  readonly cluster: string | undefined
  readonly clusters: Readonly<Record<string, number>>
  readonly shares: Readonly<Record<string, number>>
  readonly reason: string | undefined
}

export function decidedDial(decision: Decision): DecidedDial {
  if (decision.outcome !== 'balanced') {
    const reason = decision.outcome === 'refused' ? decision.reason : undefined
    return { outcome: decision.outcome, listener: decision.listener, cluster: undefined, clusters: {}, shares: {}, reason }
  }
  const { listener, clusters, shares, refused } = decision
  const [cluster] = clusters.size === 1 ? clusters.keys() : []
  const [reason] = refused.keys()
  return { outcome: 'balanced', listener, cluster, clusters: ordered(clusters), shares: ordered(shares), reason }
}

const ordered = (map: ReadonlyMap<string, number>): Readonly<Record<string, number>> =>
  Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))

export function checkDial(expect: Readonly<Record<string, Expected>>, decided: DecidedDial): readonly Failure[] {
  return Object.entries(expect).flatMap(([field, expected]): readonly Failure[] => {
    switch (field) {
      case 'shares':
      case 'clusters':
        return checkShares(field, expected as Readonly<Record<string, string | number | null>>, decided[field])
      case 'endpoints': {
        const wanted = [...(Array.isArray(expected) ? (expected as readonly string[]) : [String(expected)])].sort()
        const actual = Object.entries(decided.shares)
          .filter(([, share]) => share > 0)
          .map(([endpoint]) => endpoint)
          .sort()
        return wanted.join() === actual.join() ? [] : [{ field, expected: wanted.join(', '), actual: actual.join(', ') || 'none' }]
      }
      default: {
        const actual = decided[field as 'outcome' | 'listener' | 'cluster' | 'reason']
        const text = field === 'cluster' && actual === undefined ? Object.keys(decided.clusters).join(' and ') || undefined : actual
        return isOneOf(expected, text) ? [] : [{ field, expected: shown(expected), actual: shown(text ?? null) }]
      }
    }
  })
}

function checkShares(
  field: string,
  expected: Readonly<Record<string, string | number | null>>,
  actual: Readonly<Record<string, number>>,
): readonly Failure[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort()
  return names.flatMap((name): readonly Failure[] => {
    const wanted = shareOf(expected[name] ?? null)
    const found = actual[name] ?? 0
    return Math.abs(wanted - found) <= TOLERANCE ? [] : [{ field: `${field}.${name}`, expected: percent(wanted), actual: percent(found) }]
  })
}

function shareOf(value: string | number | null): number {
  if (value === null) return 0
  const text = String(value).trim()
  return text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
}

const percent = (share: number): string => `${Math.round(share * 1e5) / 1e3}%`
