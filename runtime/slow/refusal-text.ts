/**
 * The answer to bytes that are no request. In: a status. Out: the whole answer. Source: Envoy's http1/codec_impl.cc (sendProtocolError) behind its connection
 * manager; tried on Envoy 1.40.
 */
import type { ManagerSettings } from './manager-settings.ts'
import { statusText } from './status-text.ts'

export function refusalText(status: number, { serverHeader, serverName }: ManagerSettings): Buffer {
  const body = statusText(status)
  const server = serverHeader === 'pass' ? [] : [`server: ${serverName}`]
  const lines = [
    `HTTP/1.1 ${status} ${body}`,
    `content-length: ${body.length}`,
    'content-type: text/plain',
    `date: ${new Date().toUTCString()}`,
    ...server,
    'connection: close',
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}
