/** The kernel's parser of heads for a small service. In: nothing. Out: a trial of it; the service asks for one header, x-team. Invariant: as tryParse. */
import { createHttpBuilder } from '../../compiler/lower/http/builder.ts'
import { lowerService } from '../../compiler/lower/http/lower-service.ts'
import { type ParseAnswer, tryParse } from '../kit/try-parse.ts'
import { agreedServices } from './agree-with-kernel.ts'

export interface Parser {
  ask(head: string): ParseAnswer
  readonly verifiedInstructions: number
  close(): void
}

export async function openParser(): Promise<Parser> {
  const header = { name: 'x-team', string_match: { exact: 'beta' } }
  const routes = [{ name: 'r', match: { prefix: '/', headers: [header] }, route: { cluster: 'c0' } }]
  const configuration = { name: 'parsed', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] }
  const [service] = agreedServices([{ id: 'parsed', route_config: configuration, requests: [] }])
  if (service === undefined) throw new Error('no service')
  const builder = createHttpBuilder({
    cluster: () => 0,
    clusterNames: [],
    slowCluster: () => undefined,
    routeState: () => 1,
    bucketState: () => 1,
  })
  const row = (): { readonly kind: 'row'; readonly row: number } => ({ kind: 'row', row: builder.reserve(1) })
  const lowered = lowerService(service, builder, { route: row, nowhere: row, requireTls: row })
  const trial = await tryParse(builder.finish())
  return {
    verifiedInstructions: trial.verifiedInstructions,
    ask: (head) => trial.ask(head, lowered.row),
    close: () => trial.close(),
  }
}
