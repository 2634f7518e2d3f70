/**
 * The endpoint of one request. In: a cluster's Balance, the hash of a hash policy. Out: an endpoint, or undefined where Envoy finds nobody.
 * Priorities, health, panic, localities and hash tables are those of compiler/balance; what is drawn and counted is kept here, one picker a process.
 * Invariant: over many picks every endpoint is met by the shares that evalBalance gives.
 */
import { evalBalance, layoutOf } from '../../compiler/balance/table.ts'
import type { LayoutGroup, PolicyLayout } from '../../compiler/balance/policy.ts'
import type { Balance, Endpoint } from '../../compiler/ir/program.ts'

export interface EndpointPicker {
  pick(balance: Balance, hash: bigint | undefined): Endpoint | undefined
  /** requests under way */
  begin(endpoint: Endpoint): void
  end(endpoint: Endpoint): void
}

export function createEndpointPicker(random: () => number = Math.random): EndpointPicker {
  const layouts = new WeakMap<Balance, PolicyLayout>()
  const active = new WeakMap<Endpoint, number>()
  /** running credits of smooth weighted turns */
  const credits = new WeakMap<LayoutGroup, Float64Array>()
  const busy = (endpoint: Endpoint): number => active.get(endpoint) ?? 0

  const inTurn = (group: LayoutGroup): Endpoint | undefined => {
    const { endpoints, weights } = group
    let held = credits.get(group)
    if (held === undefined) {
      held = new Float64Array(endpoints.length)
      credits.set(group, held)
    }
    let total = 0
    let best = 0
    for (let index = 0; index < endpoints.length; index++) {
      const weight = weights?.[index] ?? 1
      total += weight
      held[index] = (held[index] as number) + weight
      if ((held[index] as number) > (held[best] as number)) best = index
    }
    held[best] = (held[best] as number) - total
    return endpoints[best]
  }
  const leastBusy = ({ endpoints, weights }: LayoutGroup, choices: number, bias: number): Endpoint | undefined => {
    if (weights?.some((weight) => weight !== weights[0]) === true) {
      return drawn(endpoints, (index) => (weights[index] ?? 1) / (busy(endpoints[index] as Endpoint) + 1) ** bias, random)
    }
    let best: Endpoint | undefined
    for (let choice = 0; choice < choices; choice++) {
      const other = endpoints[Math.floor(random() * endpoints.length)]
      if (other !== undefined && (best === undefined || busy(other) < busy(best))) best = other
    }
    return best
  }
  const fewest = ({ endpoints }: LayoutGroup): Endpoint | undefined =>
    endpoints.reduce<Endpoint | undefined>((best, one) => (best === undefined || busy(one) < busy(best) ? one : best), undefined)

  return {
    pick(balance, hash) {
      const { policy } = balance
      if (policy.name === 'RING_HASH' || policy.name === 'MAGLEV') {
        const [endpoint] = evalBalance(balance, hash ?? randomHash(random)).shares.keys()
        return endpoint
      }
      let layout = layouts.get(balance)
      if (layout === undefined) {
        layout = layoutOf(balance)
        layouts.set(balance, layout)
      }
      const point = Math.floor(random() * 100)
      const groups = layout.tiers.find(({ upto }) => point < upto)?.groups ?? []
      const group = drawn(groups, (index) => groups[index]?.weight ?? 0, random)
      if (group === undefined) return undefined
      if (policy.name === 'ROUND_ROBIN') return inTurn(group)
      if (policy.name === 'RANDOM') return group.endpoints[Math.floor(random() * group.endpoints.length)]
      return policy.fullScan ? fewest(group) : leastBusy(group, policy.choiceCount, policy.activeRequestBias)
    },
    begin: (endpoint) => void active.set(endpoint, busy(endpoint) + 1),
    end: (endpoint) => void active.set(endpoint, Math.max(0, busy(endpoint) - 1)),
  }
}

/** One of a list, in proportion to weights. */
function drawn<Item>(list: readonly Item[], weight: (index: number) => number, random: () => number): Item | undefined {
  const total = list.reduce((sum, _, index) => sum + weight(index), 0)
  let point = random() * total
  for (const [index, item] of list.entries()) {
    point -= weight(index)
    if (point < 0) return item
  }
  return list.at(-1)
}

function randomHash(random: () => number): bigint {
  return (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32))
}
