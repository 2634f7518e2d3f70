/**
 * Series of listeners, clusters, endpoints and routes. In: counts, names, what has series of its own. Out: samples. Invariant: each count is in exactly one series of its family, so that the sum of a family is right
 * whatever the bound is.
 */
import type { OwnerKind } from '../../proto/owner-key.ts'
import { TALLY_CONNECTIONS } from '../../proto/watching.ts'
import { tallied } from '../tally.ts'
import type { Bound, Shown } from './bound.ts'
import { type Counts, countedAs } from './counts.ts'
import { FAMILIES, type FamilyName } from './families.ts'
import type { Owner } from './owners.ts'
import type { Samples } from './samples.ts'

interface KindFamilies {
  readonly total: FamilyName
  readonly active?: FamilyName
  readonly refused?: FamilyName
  readonly userSpace?: FamilyName
  readonly replies?: FamilyName
}

const KINDS: Readonly<Record<OwnerKind, KindFamilies>> = {
  listener: { total: 'listenerConnections', refused: 'listenerRefused' },
  cluster: { total: 'clusterConnections', active: 'clusterActive', refused: 'clusterRefused' },
  endpoint: { total: 'endpointConnections', active: 'endpointActive', refused: 'endpointFailures' },
  route: { total: 'routeRequests', userSpace: 'routeSlow', replies: 'routeReplies' },
}

export function addOwners(samples: Samples, { rows, tally }: Counts, names: ReadonlyMap<number, Owner>, bound: Bound): void {
  const owners: Record<Shown, number> = { named: 0, other: 0, departed: 0 }
  for (const { id, kind, active, connections, reasons } of rows) {
    const owner = names.get(id)
    const shown = bound.of(kind, id, owner?.kind === kind ? 'known' : 'unknown')
    const labels = shown === 'named' ? (owner as Owner).labels : summed(kind, shown)
    owners[shown]++
    const families = KINDS[kind]
    if (shown === 'named' || connections > 0) samples.add(families.total, labels, connections)
    if (families.active !== undefined && (shown === 'named' || active > 0)) samples.add(families.active, labels, active)
    addReasons(samples, families, labels, reasons)
  }
  for (const { kind, owner, shown } of bound.gone) {
    const counters = tallied(tally, owner)
    const connections = counters.get(TALLY_CONNECTIONS) ?? 0
    const labels = summed(kind, shown)
    if (connections > 0) samples.add(KINDS[kind].total, labels, connections)
    addReasons(samples, KINDS[kind], labels, counters)
  }
  for (const [shown, count] of Object.entries(owners)) samples.add('owners', [shown], count)
}

function summed(kind: OwnerKind, shown: Shown): readonly string[] {
  return FAMILIES[KINDS[kind].total].labels.map(() => shown)
}

function addReasons(samples: Samples, families: KindFamilies, labels: readonly string[], reasons: ReadonlyMap<number, number>): void {
  for (const [number, count] of reasons) {
    const counted = countedAs(number)
    if (counted === undefined || count === 0) continue
    if (counted.kind === 'refused' && families.refused !== undefined) samples.add(families.refused, [...labels, counted.reason], count)
    if (counted.kind === 'user-space' && families.userSpace !== undefined)
      samples.add(families.userSpace, [...labels, counted.reason], count)
    if (counted.kind === 'reply' && families.replies !== undefined) samples.add(families.replies, [...labels, counted.code], count)
  }
}

/** What belongs to nobody, and requests by who dealt with them. */
export function addTotals(samples: Samples, { rows, nobody, tally }: Counts, bound: Bound): void {
  for (const [number, count] of nobody) {
    const counted = countedAs(number)
    if (counted?.kind === 'refused') samples.add('refused', [counted.reason], count)
    if (counted?.kind === 'user-space') samples.add('unroutedSlow', [counted.reason], count)
    if (counted?.kind === 'reply') samples.add('unroutedReplies', [counted.code], count)
    if (counted?.kind === 'reply') samples.add('requests', ['kernel'], count)
  }
  for (const { kind, connections } of rows) if (kind === 'route') samples.add('requests', ['kernel'], connections)
  for (const { kind, owner } of bound.gone)
    if (kind === 'route') samples.add('requests', ['kernel'], tallied(tally, owner).get(TALLY_CONNECTIONS) ?? 0)
}
