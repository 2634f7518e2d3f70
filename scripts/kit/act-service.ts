/**
 * One HTTP service in the kernel, without a socket. In: the routes of a virtual host `*`, what else its listener and the snapshot have. Out: the lane of each route, and what becomes of requests.
 */
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { readInput } from '../../compiler/input/read.ts'
import { actionLowering } from '../../compiler/lower/http/actions.ts'
import { createHttpBuilder } from '../../compiler/lower/http/builder.ts'
import { lowerService } from '../../compiler/lower/http/lower-service.ts'
import type { ServiceLanes } from '../../compiler/lower/http/lowered.ts'
import { findServices } from '../../compiler/services.ts'
import type { JsonObject } from '../oracle/envoy.ts'
import { actContext } from '../routing/act-with-kernel.ts'
import { listenerResource } from '../routing/case-resources.ts'
import { ipOf } from './small-program.ts'
import { type ActAnswer, type ActQuestion, type ActTrial, tryActs } from './try-act.ts'

export interface TriedService {
  readonly trial: ActTrial
  readonly lanes: ServiceLanes
  ask(head: string, asked?: Partial<ActQuestion>): ActAnswer
}

/** One virtual host `*` with these routes. */
export async function serveRoutes(
  routes: readonly JsonObject[],
  hcm: JsonObject = {},
  host: JsonObject = {},
  clusters: readonly JsonObject[] = [],
): Promise<TriedService> {
  const one = { id: 'one', route_config: { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], ...host, routes }] }, hcm, requests: [] }
  const listener = {
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    ...listenerResource(one, { host: '127.64.0.1', port: 80 }),
  }
  const input = readInput([{ name: 'case.json', bytes: Buffer.from(JSON.stringify([listener, ...clusters])) }], createDiagnostics())
  const [service] = findServices(input.resources).byManager.values()
  if (service === undefined) throw new Error('no service')
  const builder = createHttpBuilder(actContext())
  const { row, lanes } = lowerService(service, builder, actionLowering)
  const trial = await tryActs(builder.finish())
  return {
    trial,
    lanes,
    ask: (head, asked = {}) => trial.ask(head, { service: row, source: ipOf('10.0.0.7'), sourcePort: 4711, ...asked }),
  }
}
