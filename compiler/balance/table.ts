/** The list of load-balancing policies. In: one file each. Out: the table by name, and the meaning of a Balance. */
import type { PolicyName } from '../../proto/abi.ts'
import type { Balance } from '../ir/program.ts'
import { leastRequest } from './least-request.ts'
import { maglev } from './maglev.ts'
import type { BalancePolicy, PolicyLayout, Shares } from './policy.ts'
import { random } from './random.ts'
import { ringHash } from './ring-hash.ts'
import { roundRobin } from './round-robin.ts'

export const BALANCE_POLICIES: { readonly [Name in PolicyName]: BalancePolicy<Name> } = {
  ROUND_ROBIN: roundRobin,
  RANDOM: random,
  LEAST_REQUEST: leastRequest,
  RING_HASH: ringHash,
  MAGLEV: maglev,
}

/** Who a connection to the cluster meets, and how often; `hash` is what hash_policy made of it, undefined: random. */
export function evalBalance(balance: Balance, hash?: bigint): Shares {
  return policyOf(balance).eval(balance.policy, balance, hash)
}

export function layoutOf(balance: Balance): PolicyLayout {
  return policyOf(balance).lower(balance.policy, balance)
}

/** The entry takes the policy it is named by, which the compiler cannot follow through the lookup. */
function policyOf(balance: Balance): {
  eval: (policy: Balance['policy'], balance: Balance, hash: bigint | undefined) => Shares
  lower: (policy: Balance['policy'], balance: Balance) => PolicyLayout
} {
  return BALANCE_POLICIES[balance.policy.name] as never
}
