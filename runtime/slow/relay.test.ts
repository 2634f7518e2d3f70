import { connect, createServer, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { relayAnswer } from './relay.ts'

/** both ends of a connection */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const near = connect({ host: '127.0.0.1', port: typeof address === 'object' ? (address?.port ?? 0) : 0, allowHalfOpen: true })
  const far = await new Promise<Socket>((resolve) => server.once('connection', resolve))
  server.close()
  for (const end of [near, far]) end.on('error', () => undefined)
  return [near, far]
}

interface Relayed {
  readonly server: Socket
  readonly client: Socket
  readonly events: readonly string[]
  readonly ended: Promise<void>
  text(): string
}

async function relayed(method: 'HEAD' | 'other' = 'other', asked: 'to go on' | 'to close' = 'to go on'): Promise<Relayed> {
  const [upstream, server] = await pair()
  const [socket, client] = await pair()
  const events: string[] = []
  let text = ''
  client.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
  })
  const ended = relayAnswer(
    {
      upstream,
      method,
      asked,
      state: 0,
      edits: undefined,
      kept: undefined,
      want: undefined,
      done: (how) => {
        events.push(how)
        upstream.destroy()
      },
      connection: {
        socket,
        asked: { address: '127.0.0.1', port: 80 },
        client: { address: '127.0.0.1', port: 1 },
        netns: 0n,
        reason: 0,
        drawn: undefined,
        fastLane: 'possible',
        id: 1n,
        giveBack: () => events.push('given back'),
        finish: () => 'written',
        end: (how) => events.push(how),
      },
    },
    () => events.push('goes on'),
  )
  return { server, client, events, ended, text: () => text }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30))

function close(...all: readonly Relayed[]): void {
  for (const { server, client } of all) for (const end of [server, client]) end.destroy()
}

test('an answer in pieces is passed on, and the upstream is free behind it', async () => {
  const relay = await relayed()
  for (const piece of ['HTTP/1.1 200', ' OK\r\nContent-Length: 2\r\n\r\n', 'ok']) {
    relay.server.write(piece)
    await pause()
  }
  await relay.ended
  await pause()
  assert.equal(relay.events, ['reuse', 'given back'])
  assert.is(relay.text(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  close(relay)
})

test('an upstream that said more than its answer is not used again', async () => {
  for (const tail of ['HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil', '\r\n']) {
    const relay = await relayed()
    relay.server.write(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok${tail}`)
    await relay.ended
    await pause()
    assert.equal(relay.events, ['close', 'given back'])
    assert.is(relay.text(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    close(relay)
  }
})

test('nor is one whose answer to HEAD had a body', async () => {
  const relay = await relayed('HEAD')
  relay.server.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  await relay.ended
  assert.equal(relay.events, ['close', 'given back'])
  close(relay)
})

test('a client that goes in the midst of an answer lets go of the upstream', async () => {
  const relay = await relayed()
  relay.client.pause()
  relay.server.write(`HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n${'x'.repeat(20_000_000)}`)
  await pause()
  relay.client.resetAndDestroy()
  await Promise.race([relay.ended, new Promise((_, reject) => setTimeout(() => reject(new Error('the upstream is held for good')), 2000))])
  assert.equal(relay.events, ['close', 'reset'])
  close(relay)
})

test('an upstream that ends without an answer, or says none, is told as Envoy tells it', async () => {
  const silent = await relayed()
  silent.server.end()
  await silent.ended
  await pause()
  assert.equal(silent.events, ['close', 'given back'])
  assert.match(silent.text(), /^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*reset reason: connection termination$/)
  const odd = await relayed()
  odd.server.write('no answer\r\n\r\n')
  await odd.ended
  await pause()
  assert.equal(odd.events, ['close', 'given back'])
  assert.match(odd.text(), /^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*reset reason: protocol error$/)
  close(silent, odd)
})

test('a client that wants its connection closed is told that it is, and it is', async () => {
  const relay = await relayed('other', 'to close')
  relay.server.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  await relay.ended
  await pause()
  assert.is(relay.events.at(-1), 'close')
  assert.is(relay.text(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok')
  close(relay)
})

test('one that breaks in the midst of an answer resets the client', async () => {
  const relay = await relayed()
  relay.server.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.')
  await pause()
  relay.server.destroy()
  await relay.ended
  assert.equal(relay.events, ['close', 'reset'])
  close(relay)
})

test.run()
