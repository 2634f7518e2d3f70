/**
 * The first bytes of a TLS client. In: a server name ('' : none) and ALPN. Out: its ClientHello, as Node's own TLS writes it. No socket is opened.
 */
import { Duplex } from 'node:stream'
import { connect } from 'node:tls'

export function clientHello(serverName: string, protocols: readonly string[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _, done) {
        resolve(Buffer.from(chunk))
        done()
      },
    })
    const client = connect({ socket, ALPNProtocols: [...protocols], ...(serverName !== '' && { servername: serverName }) })
    client.on('error', () => undefined)
  })
}
