import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { receive } from '../sys/libc.ts'
import { createHanded } from './handed.ts'
import type { HolderMessage } from './holder-link.ts'

const ADDRESS = '127.63.40.1'
const LAST = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
const NONE: HolderMessage = {
  kind: 'connection',
  number: 0,
  connection: 7n,
  upstream: 0n,
  netns: 1n,
  bytes: 0n,
  state: 0,
  count: 3,
  reason: 0,
  flags: 0,
  address: new Uint8Array(16),
  source: new Uint8Array(16),
  port: 80,
  sourcePort: 40000,
  kept: 0,
  drawn: 0,
  random: 0n,
  counters: {} as HolderMessage['counters'],
}

const NO_ROWS = { read: () => undefined, close: () => undefined }

/** Two ends of a connection that nobody reads from. */
async function pair(): Promise<{ readonly near: Socket; readonly far: Socket; close(): void }> {
  const server = createServer({ pauseOnConnect: true })
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve))
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const far = connect({ port: (server.address() as AddressInfo).port, host: ADDRESS })
  far.pause()
  const near = await accepted
  const close = (): void => {
    for (const socket of [near, far]) socket.destroy()
    server.close()
  }
  return { near, far, close }
}

const descriptorOf = (socket: Socket): number => (socket as unknown as { readonly _handle: { readonly fd: number } })._handle.fd

/** Bytes that the socket has by now. */
function readable(socket: Socket): number {
  try {
    return receive(descriptorOf(socket), Buffer.alloc(1000))
  } catch {
    return 0
  }
}

test('a client gets the end of an answer when the mark is gone, so that its next request is not taken for a pipelined one', async () => {
  const { near, far, close } = await pair()
  const seen: string[] = []
  const link = { pid: 0, send: (kind: string) => seen.push(kind), ask: () => Promise.reject(new Error('asked')), close: () => undefined }
  const rows = {
    take: () => {
      seen.push('taken')
      return true
    },
    clear: () => seen.push(`cleared with ${readable(far)} bytes at the client`),
    close: () => undefined,
  }
  const handed = createHanded(link, { rows, edits: NO_ROWS, kept: NO_ROWS })
  const connection = handed.connection(NONE, descriptorOf(near))
  assert.is(connection.finish(LAST), 'returned')
  assert.equal(seen, ['taken', 'cleared with 0 bytes at the client', 'returned'])
  assert.is(readable(far), LAST.length)
  close()
})

test.run()
