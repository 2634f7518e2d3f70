/**
 * A request whose connection is not HTTP to the proxy: what layer 4 does with it. In: the Program, the address that is dialled. Out: a Decision: the cluster that
 * gets the bytes, `pass` where the connection is left alone, `deny` where it is refused. The random number chooses among weighted clusters.
 */
import { xxHash64Text } from '../balance/hash.ts'
import { evalBalance } from '../balance/table.ts'
import { NO_DETAIL } from '../http/decision-detail.ts'
import { NOWHERE } from '../http/eval.ts'
import type { Decision } from '../http/model.ts'
import type { RequestLine } from '../http/request.ts'
import { type Decision as DialDecision, decide } from '../ir/eval.ts'
import type { Program } from '../ir/program.ts'
import { parseSocketAddress, type SocketAddress } from './addresses.ts'

export function decideConnection(program: Program, line: RequestLine, destination: SocketAddress): Decision {
  const source = line.source === undefined ? undefined : parseSocketAddress(line.source)?.address
  const dial = {
    protocol: 'tcp',
    address: destination.address,
    port: destination.port ?? 0,
    ...(source !== undefined && { source }),
  } as const
  const decision = decide(program, dial, { shares: evalBalance, hash: xxHash64Text })
  switch (decision.outcome) {
    case 'passed':
      return {
        ...NOTHING,
        outcome: 'pass',
        lane: 'direct',
        reason: 'no listener governs the address, or the connection goes where it was going',
      }
    case 'refused':
      return {
        ...NOTHING,
        outcome: decision.reason === 'diverted' ? 'divert' : 'deny',
        lane: decision.reason === 'diverted' ? 'user-space' : 'direct',
        reason: decision.why === undefined ? decision.reason : `${decision.reason}: ${decision.why}`,
      }
    case 'balanced': {
      const cluster = chosen(decision, Number(line.random ?? 0))
      if (cluster !== undefined) return { ...NOTHING, outcome: 'cluster', lane: 'direct', cluster, reason: 'tcp_proxy' }
      const [reason = 'no_endpoint'] = decision.refused.keys()
      return { ...NOTHING, outcome: 'deny', lane: 'direct', reason }
    }
  }
}

function chosen({ clusters }: Extract<DialDecision, { readonly outcome: 'balanced' }>, random: number): string | undefined {
  let sum = 0
  for (const [name, share] of clusters) {
    sum += share
    if (random < sum) return name
  }
  return undefined
}

const NOTHING = { ...NOWHERE, detail: NO_DETAIL }
