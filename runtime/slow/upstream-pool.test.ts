import { type IncomingMessage, request as httpRequest } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createUpstreamPool, type UpstreamPlace } from './upstream-pool.ts'

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100 && !holds(); tries++) await new Promise((resolve) => setTimeout(resolve, 10))
}

const answer = (text: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`

for (const [how, say] of [
  ['said on it what nobody asked for', (link: Socket) => link.write(answer('evil'))],
  ['ended its half of it', (link: Socket) => link.end()],
] as const)
  test(`a connection is used again, unless the upstream has ${how}`, async () => {
    const links: Socket[] = []
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      links.push(socket)
      socket.on('error', () => undefined)
      socket.on('data', () => socket.write(answer(String(links.indexOf(socket)))))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const at = server.address()
    const place: UpstreamPlace = { address: '127.0.0.1', port: typeof at === 'object' ? (at?.port ?? 0) : 0, netns: 0n }
    const pool = createUpstreamPool(
      ({ address, port }) =>
        new Promise((resolve) => {
          const socket = connect({ host: address, port, allowHalfOpen: true })
          socket.once('connect', () => resolve(socket))
        }),
    )
    const ask = async (): Promise<string> => {
      const options = { agent: pool.agent, place, connecting: { connectTimeout: 1000, idle: 0 } }
      const got = await new Promise<IncomingMessage>((resolve, reject) => httpRequest(options, resolve).once('error', reject).end())
      let text = ''
      for await (const piece of got) text += String(piece)
      await until(() => Object.keys(pool.agent.freeSockets).length > 0)
      return text
    }
    assert.is(await ask(), '0')
    assert.is(await ask(), '0')
    say(links[0] as Socket)
    await until(() => Object.keys(pool.agent.freeSockets).length === 0)
    assert.is(await ask(), '1')
    assert.ok(links[0]?.destroyed || links[0]?.readableEnded)
    pool.close()
    for (const link of links) link.destroy()
    server.close()
  })

test.run()
