/** What balancing gives for one cluster, and lowering places among all: rows of km_endpoint (proto/abi.ts) whose positions are relative to the block's first row. */
import type { PolicyName } from '../../proto/abi.ts'

export interface BalanceBlock {
  /** rows 0..tiers-1 are tiers; 0: nobody may ever be chosen */
  readonly tiers: number
  readonly rows: Uint8Array
  /** byte offsets of u32 local state indices, ascending */
  readonly relocations: readonly number[]
  readonly policy: PolicyName
  readonly choiceCount: number
  /** first row of the factors, 0: none */
  readonly bias: number
  /** CLUSTER_* */
  readonly flags: number
  readonly shape: { readonly localities: boolean }
}
