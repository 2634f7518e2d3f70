/**
 * Lets a real Envoy answer for Balances. In: cases. Out: per case whom each dial met, in order. One Envoy with a listener per case; endpoints in
 * this process. Ports: `base` for the admin interface and listeners from base + 100 on.
 */
import { endpointsOf } from '../../compiler/balance/health.ts'
import type { Endpoint } from '../../compiler/ir/program.ts'
import type { BalanceCase } from './balance-cases.ts'
import { dialTally, type Tally } from './dial.ts'
import { placeText, startEndpoints } from './endpoints.ts'
import { startEnvoy } from './envoy.ts'
import { type ApiForm, assignmentOf, clusterOf, listenerOf, placeOf } from './from-balance.ts'

export interface JudgeOptions {
  readonly form: ApiForm
  /** dials per case that is not hashed */
  readonly dials: number
  /** hashed cases dial once from each of the first of SOURCES; all by default */
  readonly sources?: number
  readonly base: number
}

/** 1,000 loopback addresses of 9 to 15 characters. */
export const SOURCES: readonly string[] = Array.from(
  { length: 1000 },
  (_, i) => `127.${(i * 37) % 200}.${(i * 91) % 256}.${1 + ((i * 7) % 254)}`,
)

/** Rejects when Envoy refuses a case. The tallies are in the order of the cases. */
export async function judgeBalances(cases: readonly BalanceCase[], options: JudgeOptions): Promise<readonly Tally[]> {
  const names = cases.map((_, index) => `case-${index}`)
  const place = (index: number) => ({ address: '127.0.0.1', port: options.base + 100 + index })
  const servers = await startEndpoints([
    ...new Map(
      cases
        .flatMap(({ balance }) => balance.priorities.flatMap((priority) => endpointsOf(priority)))
        .map((endpoint) => [nameOf(endpoint), placeOf(endpoint)]),
    ).values(),
  ])
  try {
    const envoy = await startEnvoy({
      adminPort: options.base,
      listeners: cases.map(({ hashed }, index) =>
        listenerOf(names[index] as string, place(index), names[index] as string, hashed ? { kind: 'source_ip' } : { kind: 'none' }),
      ),
      clusters: cases.map(({ balance }, index) => clusterOf(names[index] as string, balance, options.form)),
      assignments: cases.map(({ balance }, index) => assignmentOf(names[index] as string, balance)),
    })
    try {
      if (envoy.refused.length > 0) throw new Error(envoy.refused.join('\n'))
      const tallies: Tally[] = []
      for (const [index, one] of cases.entries()) {
        // live connections would count for LEAST_REQUEST
        const concurrency = one.balance.policy.name === 'LEAST_REQUEST' ? 1 : 8
        const how = one.hashed ? { count: options.sources ?? SOURCES.length, sources: SOURCES } : { count: options.dials }
        tallies.push(await dialTally(place(index), { ...how, concurrency }))
      }
      return tallies
    } finally {
      await envoy.stop()
    }
  } finally {
    await servers.stop()
  }
}

export function nameOf(endpoint: Endpoint): string {
  return placeText(placeOf(endpoint))
}
