/**
 * CONNECT that ends here: bytes behind it go to an endpoint as they are. In: a request, its route. Out: a tunnel, or Envoy's answer where nobody takes the connection.
 * Source: Envoy's route_components.proto (UpgradeConfig.ConnectConfig), router/upstream_request.cc (TcpUpstream): the answer is 200 without a body.
 */
import type { Exchange } from '../../compiler/http/exchange.ts'
import type { LaneRequest } from './lane-context.ts'
import { answerFailure } from './local-answer.ts'
import { statusText } from './status-text.ts'
import { join } from './tunnel.ts'
import { upstreamFailure } from './upstream-failure.ts'
import { ConnectFault, open, type ConnectOptions, type UpstreamPlace } from './upstream-pool.ts'

export async function tunnelConnect(
  request: LaneRequest,
  exchange: Exchange,
  place: UpstreamPlace,
  connecting: ConnectOptions,
): Promise<void> {
  const { lane, connection, service } = request
  request.ending = 'close'
  const upstream = await open(lane.connect, place, connecting).catch((error: unknown) => error)
  if (upstream instanceof Error || upstream === undefined) {
    const reset = upstream instanceof ConnectFault ? upstream.kind : 'connect_failure'
    return answerFailure(request, exchange, upstreamFailure(reset, 1))
  }
  lane.statistics.count('tunnels')
  request.begun = true
  const server = service.settings.serverHeader === 'pass' ? '' : `server: ${service.settings.serverName}\r\n`
  connection.socket.write(Buffer.from(`HTTP/1.1 200 ${statusText(200)}\r\ndate: ${new Date().toUTCString()}\r\n${server}\r\n`, 'latin1'))
  await join(connection, upstream as Awaited<ReturnType<typeof open>>, Buffer.alloc(0))
}
