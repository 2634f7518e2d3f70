/**
 * What neither the kernel nor the slow path decides goes to the waypoint, an Envoy with the rest of the configuration. In: a request as it came, or a whole
 * connection. Out: the waypoint's answer as it came. Invariant: the waypoint learns by PROXY protocol who asked whom; each client connection has a connection
 * of its own to it; a request is passed on as it was, but for the framing of its body.
 */
import { connect as connectSocket, type Socket } from 'node:net'
import { attempt } from './attempt.ts'
import type { LaneConnection, LaneContext, LaneRequest, WaypointPlace } from './lane-context.ts'
import { settleEnding, writeAnswer } from './local-answer.ts'
import { passBody } from './route-request.ts'
import { proxyHeader } from './proxy-protocol.ts'
import { createRequestBody } from './request-body.ts'
import { statusText } from './status-text.ts'
import { join } from './tunnel.ts'
import { createUpstreamPool } from './upstream-pool.ts'
import { Headers } from '../../compiler/http/request.ts'

const CONNECT_TIMEOUT = 5000
const HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'proxy-connection'])

export async function forwardToWaypoint(request: LaneRequest): Promise<void> {
  const { connection, head, lane, fed } = request
  const place = lane.waypoint
  if (place === undefined) {
    lane.statistics.count('no_waypoint')
    return writeAnswer(request, 503, new Headers('response'), '')
  }
  lane.statistics.count('waypoint')
  connection.waypointAgent ??= createUpstreamPool(() => openWaypoint(place, connection)).agent
  const switching = head.headers.some(([name]) => name === 'upgrade') || head.method === 'CONNECT'
  const chunked = head.body.kind === 'chunked' ? [['transfer-encoding', 'chunked'] as const] : []
  const current = attempt({
    method: head.method,
    path: head.target,
    headers: [...head.headers.filter(([name]) => switching || !HOP.has(name)), ...chunked],
    body: head.body.kind === 'none' ? undefined : createRequestBody(fed.request, 'pass'),
    place: { ...place, netns: 0n },
    connecting: { connectTimeout: CONNECT_TIMEOUT, idle: 0 },
    agent: connection.waypointAgent,
    onContinue: () => fed.response.writeContinue(),
  })
  const gone = (): void => current.abort()
  request.signal.addEventListener('abort', gone, { once: true })
  const result = await current.result
  request.signal.removeEventListener('abort', gone)
  if (request.signal.aborted) return
  if (result.kind === 'failed') return writeAnswer(request, 503, new Headers('response'), '')
  const { answer } = result
  if (result.kind === 'switched') {
    const lines = pairsOf(answer.rawHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
    connection.socket.write(
      Buffer.from(`HTTP/1.1 ${answer.statusCode} ${statusText(answer.statusCode ?? 101)}\r\n${lines.join('')}\r\n`, 'latin1'),
    )
    request.begun = true
    request.ending = 'close'
    return join(connection, result.socket, result.head)
  }
  if (answer.headers.connection === 'close') request.ending = 'close'
  const { response } = fed
  const pairs = pairsOf(answer.rawHeaders).filter(([name]) => !HOP.has(name.toLowerCase()))
  if (settleEnding(request) === 'close') pairs.push(['connection', 'close'])
  request.begun = true
  response.sendDate = false
  response.removeHeader('connection')
  response.writeHead(answer.statusCode ?? 502, statusText(answer.statusCode ?? 502), pairs.flat())
  await passBody(answer, request, () => undefined)
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : []))
}

/** The whole connection, whatever it speaks. `first` of its bytes are still in the reader. */
export async function tunnelToWaypoint(lane: LaneContext, connection: LaneConnection): Promise<'done' | 'unreachable'> {
  if (lane.waypoint === undefined) return 'unreachable'
  const socket = await openWaypoint(lane.waypoint, connection).catch(() => undefined)
  if (socket === undefined) return 'unreachable'
  await join(connection, socket, Buffer.alloc(0))
  return 'done'
}

function openWaypoint({ address, port }: WaypointPlace, { client, asked }: LaneConnection): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: address, port, noDelay: true, allowHalfOpen: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => undefined)
      socket.write(proxyHeader(client, asked))
      resolve(socket)
    })
  })
}
