/**
 * The same HTTP listener twice: behind the slow path and behind a real Envoy, each with upstreams of its own. In: routes, filters, clusters and a first port of 127.0.0.1. Out: where
 * both listen. Invariant: everything is gone after `stop`.
 */
import { type JsonObject, type RunningEnvoy, startEnvoy } from '../oracle/envoy.ts'
import { listenerResource } from '../routing/case-resources.ts'
import { type SlowProxy, startSlowProxy } from './slow-proxy.ts'

export interface JudgedPair {
  readonly ours: { readonly port: number; readonly proxy: SlowProxy }
  readonly envoy: { readonly port: number; readonly process: RunningEnvoy }
  stop(): Promise<void>
}

export interface PairOptions {
  readonly routes: JsonObject
  /** further fields of the connection manager */
  readonly hcm?: JsonObject
  readonly clusters: (side: 'ours' | 'envoy') => readonly JsonObject[]
  /** two ports */
  readonly port: number
}

const TYPE = 'type.googleapis.com/envoy.config'

export async function startPair({ routes, hcm, clusters, port }: PairOptions): Promise<JudgedPair> {
  // Envoy waits a second before it closes behind its last word
  const settings = { delayed_close_timeout: '0.05s', ...hcm }
  const listener = (at: number): JsonObject =>
    listenerResource({ id: 'pair', requests: [], hcm: settings, route_config: routes }, { host: '127.0.0.1', port: at })
  const proxy = await startSlowProxy({
    resources: [
      { '@type': `${TYPE}.listener.v3.Listener`, ...listener(port) },
      ...clusters('ours').map((cluster) => ({ '@type': `${TYPE}.cluster.v3.Cluster`, ...cluster })),
    ],
    places: [{ host: '127.0.0.1', port }],
  })
  const process = await startEnvoy({ listeners: [listener(port + 1)], clusters: clusters('envoy') })
  if (process.refused.length > 0) throw new Error(process.refused.join('\n'))
  return {
    ours: { port, proxy },
    envoy: { port: port + 1, process },
    async stop() {
      await proxy.stop()
      await process.stop()
    },
  }
}
