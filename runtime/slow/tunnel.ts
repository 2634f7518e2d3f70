/**
 * Connections that are no longer HTTP: an upgrade that the upstream took, CONNECT, HTTP/2 to the waypoint. In: two sockets and bytes that were read already. Out: bytes
 * both ways until both sides have ended. Invariant: each side is read no faster than the other one takes it; a half that ends, ends on the other side too.
 */
import type { Duplex } from 'node:stream'
import type { Headers } from '../../compiler/http/request.ts'
import type { AttemptResult } from './attempt.ts'
import type { LaneConnection, LaneRequest } from './lane-context.ts'
import { flat } from './response-head.ts'
import { statusText } from './status-text.ts'

/** The upstream took the upgrade. `headers`: of its answer */
export async function tunnel(
  request: LaneRequest,
  { answer, socket, head }: Extract<AttemptResult, { kind: 'switched' }>,
  headers: Headers,
): Promise<void> {
  const { connection, service, lane } = request
  const status = answer.statusCode ?? 502
  const isTunnel = status === 101 || (request.head.method === 'CONNECT' && status >= 200 && status < 300)
  request.begun = true
  request.ending = 'close'
  lane.statistics.count('tunnels')
  headers.remove('transfer-encoding')
  if (isTunnel) headers.remove('content-length')
  if (!headers.has('date')) headers.set('date', new Date().toUTCString())
  if (service.settings.serverHeader === 'overwrite') headers.set('server', service.settings.serverName)
  if (!isTunnel) {
    headers.set('connection', 'close')
    headers.set('content-length', '0')
  }
  const pairs = flat(headers)
  const lines = pairs.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${pairs[index + 1]}\r\n`] : []))
  connection.socket.write(Buffer.from(`HTTP/1.1 ${status} ${statusText(status)}\r\n${lines.join('')}\r\n`, 'latin1'))
  if (isTunnel) await join(connection, socket, head)
  else socket.destroy()
}

/** `first`: bytes of the upstream that came behind its head */
export async function join(connection: LaneConnection, upstream: Duplex, first: Buffer): Promise<void> {
  const { socket, reader } = connection
  const closed = new Promise<void>((resolve) => {
    socket.once('close', resolve)
    upstream.once('close', resolve)
  })
  upstream.on('error', () => undefined)
  if (first.length > 0) socket.write(first)
  const down = new Promise<void>((resolve) => {
    upstream.on('data', (chunk: Buffer) => {
      if (!socket.write(chunk)) {
        upstream.pause()
        socket.once('drain', () => upstream.resume())
      }
    })
    upstream.once('end', () => {
      socket.end()
      resolve()
    })
  })
  const up = async (): Promise<void> => {
    for (;;) {
      const bytes = await reader.rest()
      if (bytes === undefined) break
      if (upstream.destroyed) return
      if (!upstream.write(bytes)) await new Promise<void>((resolve) => drained(upstream, resolve))
    }
    upstream.end()
  }
  await Promise.race([closed, Promise.all([down, up()])])
  upstream.destroy()
}

function drained(stream: Duplex, then: () => void): void {
  stream.once('drain', then)
  stream.once('close', then)
}
