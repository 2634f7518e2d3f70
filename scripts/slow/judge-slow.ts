/**
 * Routing cases through the slow path, with real sockets. In: cases, a first port. Out: for each case what its client and its backends saw, in the form of recorded
 * outcomes. Invariant: nothing but loopback; listeners, backends and sockets are gone when the promise settles.
 */
import type { JsonObject } from '../oracle/envoy.ts'
import { groupCases, type RecordedCase } from '../judging/http-cases.ts'
import { type HttpOutcome, outcomeOf } from '../judging/http-outcome.ts'
import { clusterResource, listenerResource } from '../routing/case-resources.ts'
import { startEchoUpstreams } from '../routing/echo-upstreams.ts'
import { askAll } from '../routing/raw-client.ts'
import { startSlowProxy } from './slow-proxy.ts'

const TYPE = 'type.googleapis.com/envoy.config'
const AT_ONCE = 16

/** `port`: of the listeners, each on an address of its own; backends follow */
export async function judgeSlow(
  cases: readonly RecordedCase[],
  port: number,
  take: (one: RecordedCase, outcomes: readonly HttpOutcome[]) => void,
): Promise<void> {
  for (const group of groupCases(cases)) {
    const upstreams = await startEchoUpstreams(group.clusters, port + 1)
    const places = group.cases.map((_, index) => ({ host: `127.98.${1 + (index >> 8)}.${index & 255}`, port }))
    const resources: readonly JsonObject[] = [
      ...group.cases.map((one, index) => ({
        '@type': `${TYPE}.listener.v3.Listener`,
        ...listenerResource(one, places[index] as (typeof places)[number]),
        name: `case-${index}`,
      })),
      ...group.clusters.map((name) => ({
        '@type': `${TYPE}.cluster.v3.Cluster`,
        ...clusterResource(name, upstreams.ports.get(name) as number),
      })),
    ]
    const proxy = await startSlowProxy({ resources, places })
    try {
      const queue = [...group.cases.entries()]
      const worker = async (): Promise<void> => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const [index, one] = next
          const answers = await askAll(places[index] as (typeof places)[number], one.requests)
          take(
            one,
            answers.map((answer) => outcomeOf(answer, upstreams, 'user-space')),
          )
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
    } finally {
      await proxy.stop()
      await upstreams.close()
    }
  }
}
