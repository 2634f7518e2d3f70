/**
 * How load spreads over priorities and health, as Envoy computes it. In: a Balance. Out: percent per (priority, healthy or degraded), and which
 * priorities are in panic. Invariant: the percents sum to 100, or are all on healthy of priority 0 when nobody is available (Envoy then finds nobody).
 * Source: Envoy's load_balancer_impl.cc (recalculatePerPriorityState, recalculatePerPriorityPanic, recalculateLoadInTotalPanic, choosePriority)
 * and its documentation of priority levels, degraded endpoints and the panic threshold. Divisions are whole, as there.
 */
import type { Balance, Endpoint, Health, Priority } from '../ir/program.ts'

export interface Loads {
  /** percent by priority */
  readonly healthy: readonly number[]
  readonly degraded: readonly number[]
  readonly panic: readonly boolean[]
}

/** One step of Envoy's choice: `hash % 100 < upto` of the first step that holds. `upto` of the last is 100. */
export interface LoadStep {
  readonly priority: number
  readonly health: 'healthy' | 'degraded'
  readonly percent: number
  readonly upto: number
}

export function endpointsOf(priority: Priority, health?: Health): readonly Endpoint[] {
  const all = priority.localities.flatMap((locality) => locality.endpoints)
  return health === undefined ? all : all.filter((endpoint) => endpoint.health === health)
}

/** Those with which healthy ones are compared: a draining host is on its way out and no sign of trouble (Envoy's excluded hosts). */
export function countedHosts(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.filter((endpoint) => endpoint.health !== 'draining')
}

export function loadsOf(balance: Balance): Loads {
  const sizes = balance.priorities.map((priority) => sizesOf(priority, balance))
  if (sizes.length === 0) return { healthy: [], degraded: [], panic: [] }
  const total = Math.min(100, sum(sizes.map((size) => size.healthyAvailability + size.degradedAvailability)))
  const none = sizes.map(() => 0)
  if (total === 0 && balance.panicThreshold === 0) return { healthy: [100, ...none.slice(1)], degraded: none, panic: none.map(() => false) }

  // a normalized total of 100 means that there is enough elsewhere: nobody panics
  const panic = sizes.map((size) => total !== 100 && size.availablePercent < Math.min(100, balance.panicThreshold))
  if (panic.every(Boolean)) return { healthy: totalPanic(sizes), degraded: none, panic }
  // Only with an overprovisioning factor so small that every availability rounds to 0: Envoy falls back to healthy of priority 0.
  if (total === 0) return { healthy: [100, ...none.slice(1)], degraded: none, panic }

  const healthy = distribute(
    sizes.map((size) => size.healthyAvailability),
    100,
    total,
  )
  const degraded = distribute(
    sizes.map((size) => size.degradedAvailability),
    healthy.rest,
    total,
  )
  // what whole divisions left over goes to the first available priority, healthy before degraded
  if (healthy.first >= 0) healthy.load[healthy.first] = (healthy.load[healthy.first] as number) + degraded.rest
  else degraded.load[degraded.first] = (degraded.load[degraded.first] as number) + degraded.rest
  return { healthy: healthy.load, degraded: degraded.load, panic }
}

/** Healthy loads of all priorities first, then degraded ones: the order in which Envoy compares `hash % 100`. */
export function loadSteps(loads: Loads): readonly LoadStep[] {
  const steps: LoadStep[] = []
  let upto = 0
  for (const health of ['healthy', 'degraded'] as const) {
    for (const [priority, percent] of loads[health].entries()) {
      if (percent === 0) continue
      upto += percent
      steps.push({ priority, health, percent, upto })
    }
  }
  return steps
}

interface Sizes {
  /** draining ones too */
  readonly hosts: number
  /** healthy and degraded, of all that do not drain, in percent; 0 without any. The panic threshold compares with it. */
  readonly availablePercent: number
  /** percent with overprovisioning, at most 100 */
  readonly healthyAvailability: number
  readonly degradedAvailability: number
}

function sizesOf(priority: Priority, balance: Balance): Sizes {
  const all = endpointsOf(priority)
  const hosts = all.length
  const counted = countedHosts(all)
  let healthy = 0
  let degraded = 0
  let total = 0
  let healthyShare = 0
  let degradedShare = 0
  for (const endpoint of counted) {
    const share = balance.weightedPriorityHealth ? endpoint.weight : 1
    total += share
    if (endpoint.health === 'healthy') {
      healthy++
      healthyShare += share
    } else if (endpoint.health === 'degraded') {
      degraded++
      degradedShare += share
    }
  }
  if (counted.length === 0) return { hosts, availablePercent: 0, healthyAvailability: 0, degradedAvailability: 0 }
  const availability = (share: number): number => Math.min(100, Math.floor((balance.overprovisioningFactor * share) / total))
  return {
    hosts,
    availablePercent: (100 * healthy) / counted.length + (100 * degraded) / counted.length,
    healthyAvailability: availability(healthyShare),
    degradedAvailability: availability(degradedShare),
  }
}

/** By number of hosts, whatever their health. */
function totalPanic(sizes: readonly Sizes[]): readonly number[] {
  const hosts = sum(sizes.map((size) => size.hosts))
  if (hosts === 0) return sizes.map((_, index) => (index === 0 ? 100 : 0))
  const load = sizes.map((size) => Math.floor((100 * size.hosts) / hosts))
  const first = sizes.findIndex((size) => size.hosts > 0)
  load[first] = (load[first] as number) + 100 - sum(load)
  return load
}

function distribute(availability: readonly number[], load: number, total: number): { load: number[]; rest: number; first: number } {
  let rest = load
  const result = availability.map((percent) => {
    const part = Math.min(rest, Math.floor((percent * 100) / total))
    rest -= part
    return part
  })
  return { load: result, rest, first: availability.findIndex((percent) => percent > 0) }
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}
