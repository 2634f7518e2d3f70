/**
 * The route programs of the kernel as a judge of routing. In: services. Out: for a service and a request, which route takes it, or that user space has to look. Actions
 * are labels here: what the kernel reaches is compared, not what it does there.
 */
import type { HttpService } from '../../compiler/ir/program.ts'
import { createHttpBuilder } from '../../compiler/lower/http/builder.ts'
import { lowerService } from '../../compiler/lower/http/lower-service.ts'
import type { ServiceLanes } from '../../compiler/lower/http/lowered.ts'
import type { ActionLowering } from '../../compiler/lower/http/scope.ts'
import { type RouteTrial, tryRoutes } from '../kit/try-route.ts'
import type { RoutingRequest } from './routing-case.ts'

export type Reached =
  /** xDS path of the route; that of a virtual host where none of its routes takes the request; '' without a virtual host */
  { readonly kind: 'route' | 'nowhere' | 'tls'; readonly path: string } | { readonly kind: 'slow'; readonly reason: number }

export interface KernelJudge {
  ask(service: number, request: RoutingRequest, options?: { readonly random?: bigint; readonly source?: Uint8Array }): Reached
  readonly lanes: readonly ServiceLanes[]
  readonly trial: RouteTrial
  readonly rows: readonly number[]
  close(): void
}

export async function askKernel(services: readonly HttpService[]): Promise<KernelJudge> {
  let states = 0
  const builder = createHttpBuilder({
    cluster: () => 0,
    clusterNames: [],
    slowCluster: () => undefined,
    routeState: () => ++states,
    bucketState: () => ++states,
  })
  const reached = new Map<number, Reached>()
  const label = (kind: 'route' | 'nowhere' | 'tls', path: string): { readonly kind: 'row'; readonly row: number } => {
    const row = builder.reserve(1)
    reached.set(row, { kind, path })
    return { kind: 'row', row }
  }
  const actions: ActionLowering = {
    route: (route) => label('route', route.path),
    nowhere: (host) => label('nowhere', host?.path ?? ''),
    requireTls: (host) => label('tls', host.path),
  }
  const lowered = services.map((service) => lowerService(service, builder, actions))
  const trial = await tryRoutes(builder.finish())
  const rows = lowered.map(({ row }) => row)
  return {
    lanes: lowered.map(({ lanes }) => lanes),
    trial,
    rows,
    ask(service, request, options = {}) {
      const answer = trial.ask(headText(request), { service: rows[service] as number, ...options })
      if (answer.verdict === 'slow') return { kind: 'slow', reason: answer.reason }
      return reached.get(answer.action) ?? { kind: 'slow', reason: -1 }
    },
    close: () => trial.close(),
  }
}

/** One character a byte. */
export function headText({ method, authority, path, headers }: RoutingRequest): string {
  const lines = [['Host', authority], ...headers].map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'utf8').toString('latin1')
}
