/**
 * Who is chosen from, for the policies that walk lists (ROUND_ROBIN, RANDOM, LEAST_REQUEST). In: a Balance. Out: tiers, one per (priority, host
 * source) that receives load, each with its groups: localities when they are weighted, else one flat list in Envoy's host order.
 * Invariant: a tier without groups means that Envoy finds nobody there and closes the connection.
 * Source: Envoy's hostSourceToUse (load_balancer_impl.cc) and effectiveLocalityWeight (locality_wrr.cc).
 */
import type { Balance, Endpoint, Health, Locality, Priority } from '../ir/program.ts'
import { countedHosts, endpointsOf, loadSteps, loadsOf } from './health.ts'
import { gcd } from './spread.ts'

export interface Tier {
  readonly priority: number
  readonly source: 'healthy' | 'degraded' | 'all'
  readonly percent: number
  readonly upto: number
  readonly groups: readonly Group[]
}

export interface Group {
  /** tells the cursors of a tier apart, stable across snapshots: '' for the flat list, else region, zone and sub-zone */
  readonly name: string
  /** effective weight of the locality as a whole number; 1 for the flat list */
  readonly weight: number
  readonly endpoints: readonly Endpoint[]
}

export function tiersOf(balance: Balance): readonly Tier[] {
  const loads = loadsOf(balance)
  return loadSteps(loads).map(({ priority: index, health, percent, upto }) => {
    const priority = balance.priorities[index] as Priority
    if (loads.panic[index] === true) {
      const groups = balance.failTrafficOnPanic ? [] : flat(endpointsOf(priority))
      return { priority: index, source: 'all', percent, upto, groups }
    }
    const groups =
      (balance.localityWeighted ? weighted(priority, health, balance.overprovisioningFactor) : null) ?? flat(endpointsOf(priority, health))
    return { priority: index, source: health, percent, upto, groups }
  })
}

/**
 * The localities of a priority with hosts, in the order Envoy keeps them (by region, zone, sub-zone). Entries of one locality are one locality;
 * the last weight given counts.
 */
export function localitiesOf(priority: Priority): readonly Locality[] {
  const byName = new Map<string, Locality>()
  for (const locality of priority.localities) {
    const name = localityName(locality)
    const known = byName.get(name)
    if (known === undefined) byName.set(name, locality)
    else byName.set(name, { ...known, weight: locality.weight || known.weight, endpoints: [...known.endpoints, ...locality.endpoints] })
  }
  const localities = [...byName.values()].filter((locality) => locality.endpoints.length > 0)
  return localities.sort((a, b) => compare(a.region, b.region) || compare(a.zone, b.zone) || compare(a.subZone, b.subZone))
}

/** null: no locality has weight, and Envoy takes the flat list of the priority */
function weighted(priority: Priority, health: Health, overprovisioningFactor: number): readonly Group[] | null {
  const parts = localitiesOf(priority).map((locality) => {
    const endpoints = locality.endpoints.filter((endpoint) => endpoint.health === health)
    // weight * min(1, factor / 100 * eligible / hosts), as a fraction; draining hosts do not count
    const over = 100 * countedHosts(locality.endpoints).length
    const under = Math.min(over, overprovisioningFactor * endpoints.length)
    return { name: localityName(locality), endpoints, numerator: locality.weight * under, denominator: over }
  })
  const eligible = parts.filter((part) => part.numerator > 0)
  if (eligible.length === 0) return null
  const weights = wholeNumbers(eligible)
  return eligible.map(({ name, endpoints }, index) => ({ name, endpoints, weight: weights[index] as number }))
}

const U32 = 0xffffffff

/** Fractions as whole numbers with the same ratios and a sum below 2^32; rounded only where no such numbers exist (by less than one part in 2^31). */
function wholeNumbers(fractions: readonly { readonly numerator: number; readonly denominator: number }[]): readonly number[] {
  const reduced = fractions.map(({ numerator, denominator }) => {
    const divisor = gcd(numerator, denominator)
    return { numerator: numerator / divisor, denominator: denominator / divisor }
  })
  let common = 1
  for (const { denominator } of reduced) {
    common = (common / gcd(common, denominator)) * denominator
    if (common > U32) break
  }
  const exact = reduced.map(({ numerator, denominator }) => numerator * (common / denominator))
  const divisor = exact.reduce(gcd, 0)
  if (common <= U32 && exact.every(Number.isSafeInteger) && exact.reduce((a, b) => a + b, 0) / divisor <= U32) {
    return exact.map((weight) => weight / divisor)
  }
  const real = reduced.map(({ numerator, denominator }) => numerator / denominator)
  const scale = (U32 - real.length) / real.reduce((a, b) => a + b, 0)
  return real.map((weight) => Math.max(1, Math.floor(weight * scale)))
}

function flat(endpoints: readonly Endpoint[]): readonly Group[] {
  return endpoints.length === 0 ? [] : [{ name: '', weight: 1, endpoints }]
}

function localityName({ region, zone, subZone }: Locality): string {
  return `${region}\0${zone}\0${subZone}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
