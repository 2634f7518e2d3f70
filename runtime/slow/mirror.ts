/**
 * Copies of a request for mirror clusters. In: a request and what was decided. Out: requests that nobody waits for and whose answers nobody sees.
 * Source: Envoy's router/shadow_writer_impl.cc: the host gets the suffix "-shadow" in front of its port; a fraction is drawn for each policy.
 */
import { evalFraction } from '../../compiler/match/runtime-fraction.ts'
import { addressText } from '../../proto/address/address-text.ts'
import { attempt } from './attempt.ts'
import type { Judgement } from './evaluator.ts'
import type { LaneRequest } from './lane-context.ts'
import type { RequestBody } from './request-body.ts'
import { upstreamHeaders } from './upstream-headers.ts'
import type { ForwardAction } from '../../compiler/http/model.ts'

export function mirrorRequest(request: LaneRequest, forward: Extract<Judgement, { kind: 'forward' }>, body: RequestBody | undefined): void {
  const { lane, evaluator, connection, head } = request
  for (const { cluster: named, clusterHeader, fraction, keepsHost } of forward.decision.detail.mirrors) {
    if (fraction !== undefined && !evalFraction(fraction, lane.live.random())) continue
    const name = named ?? (clusterHeader === undefined ? undefined : forward.exchange.upstream.headers.get(clusterHeader))
    const cluster = name === undefined ? undefined : evaluator.cluster(name)
    if (cluster?.target.kind !== 'balance') continue
    const endpoint = lane.picker.pick(cluster.target.balance, undefined)
    if (endpoint === undefined) continue
    const { path, headers } = upstreamHeaders(request, forward, forward.exchange.route.action as ForwardAction, { count: 1, elapsed: 0 })
    const settings = evaluator.settings(cluster.name)
    lane.statistics.count('mirrored')
    const copy = attempt({
      method: head.method,
      path,
      headers: [
        ['x-envoy-internal', 'true'],
        ...headers.map(([header, value]) => [header, header === 'host' && !keepsHost ? shadowOf(value) : value] as const),
      ],
      body: body === undefined ? undefined : { ...aside(body) },
      place: { address: addressText(endpoint.address), port: endpoint.port, netns: connection.netns },
      connecting: settings,
      agent: lane.agent,
    })
    const timer = setTimeout(() => copy.abort(), forward.timeouts.whole > 0 ? forward.timeouts.whole : LONGEST)
    copy.result.then(
      (result) => {
        if (result.kind === 'answer') {
          result.answer.on('error', () => undefined)
          result.answer.once('close', () => clearTimeout(timer))
          result.answer.resume()
        } else {
          clearTimeout(timer)
          copy.abort()
        }
      },
      () => clearTimeout(timer),
    )
  }
}

const LONGEST = 300_000

/** It never makes the client wait. */
function aside(body: RequestBody): RequestBody {
  return { ended: body.ended, whole: body.whole, kept: body.kept, attach: (sink) => body.attach(sink, 'lag') }
}

export function shadowOf(host: string): string {
  const colon = host.startsWith('[') ? host.indexOf(']:') + 1 : host.indexOf(':')
  return colon > 0 ? `${host.slice(0, colon)}-shadow${host.slice(colon)}` : `${host}-shadow`
}
