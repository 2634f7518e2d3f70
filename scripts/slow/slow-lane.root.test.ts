/** The slow path under load and at its edges: many connections, large bodies, slow readers, clients that go, connections that go back, other generations. */
import { connect, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../oracle/envoy.ts'
import { createServer, type Server } from 'node:http'
import { clusterResource, listenerResource } from '../routing/case-resources.ts'
import { type SlowProxy, startSlowProxy } from './slow-proxy.ts'

const PORT = 24660
const UPSTREAM = PORT + 1
const TYPE = 'type.googleapis.com/envoy.config'
const PLACES = [{ host: '127.0.0.1', port: PORT }]

function resources(routes: readonly JsonObject[]): readonly JsonObject[] {
  const route_config = { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] }
  return [
    {
      '@type': `${TYPE}.listener.v3.Listener`,
      ...listenerResource({ id: 'lane', requests: [], route_config }, { host: '127.0.0.1', port: PORT }),
    },
    { '@type': `${TYPE}.cluster.v3.Cluster`, ...clusterResource('up', UPSTREAM) },
  ]
}

const ROUTES: readonly JsonObject[] = [
  { match: { prefix: '/said' }, direct_response: { status: 200, body: { inline_string: 'said' } } },
  { match: { prefix: '/' }, route: { cluster: 'up', timeout: '60s' } },
]

const MIB = 1 << 20
let upstream: Server
let received = 0
let open = 0

test.before(async () => {
  upstream = createServer((request, response) => {
    open++
    response.on('close', () => open--)
    request.on('data', (data: Buffer) => {
      received += data.length
    })
    request.on('end', () => {
      const size = Number(/^\/bytes\/(\d+)/.exec(request.url ?? '')?.[1] ?? 2)
      if (request.url === '/never') return
      const chunk = Buffer.alloc(64 * 1024, 'x')
      let left = size
      const more = (): void => {
        while (left > 0) {
          const piece = chunk.subarray(0, Math.min(left, chunk.length))
          left -= piece.length
          if (!response.write(piece) && left > 0) {
            response.once('drain', more)
            return
          }
        }
        response.end()
      }
      more()
    })
  })
  await new Promise<void>((resolve) => upstream.listen({ host: '127.0.0.1', port: UPSTREAM }, resolve))
})

test.after(() => {
  upstream.close()
  upstream.closeAllConnections()
})

async function during(options: { readonly onClean?: () => void }, work: (proxy: SlowProxy) => Promise<void>): Promise<void> {
  const proxy = await startSlowProxy({ resources: resources(ROUTES), places: PLACES, ...options })
  try {
    await work(proxy)
  } finally {
    await proxy.stop()
  }
}

interface Line {
  readonly socket: Socket
  /** resolves when so many bytes are there, or the end */
  until(length: number): Promise<number>
  text(): string
}

function dial(): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: PORT })
    let count = 0
    let text = ''
    let wake = (): void => undefined
    socket.on('data', (data: Buffer) => {
      count += data.length
      if (text.length < 4096) text += data.toString('latin1')
      wake()
    })
    socket.on('error', reject)
    socket.on('close', () => wake())
    socket.once('connect', () =>
      resolve({
        socket,
        text: () => text,
        async until(length) {
          while (count < length && !socket.closed) await new Promise<void>((next) => (wake = next))
          return count
        },
      }),
    )
  })
}

const GET = 'GET /bytes/2 HTTP/1.1\r\nHost: a\r\n\r\n'
const settled = async (what: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 100 && !what(); tries++) await new Promise((next) => setTimeout(next, 20))
}

test('a thousand connections at once, and nothing to warn of', () =>
  during({}, async (proxy) => {
    const warnings: string[] = []
    const warned = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', warned)
    const lines = await Promise.all(Array.from({ length: 1000 }, dial))
    for (const { socket } of lines) socket.write(GET)
    await Promise.all(lines.map(({ until }) => until(100)))
    assert.ok(lines.every(({ text }) => text().startsWith('HTTP/1.1 200 OK')))
    assert.is(proxy.lane.active, 1000)
    for (const { socket } of lines) socket.destroy()
    await settled(() => proxy.lane.active === 0)
    assert.is(proxy.lane.active, 0)
    process.off('warning', warned)
    assert.equal(warnings, [])
  }))

test('large bodies go both ways', () =>
  during({}, async () => {
    const line = await dial()
    received = 0
    line.socket.write(`POST /bytes/${30 * MIB} HTTP/1.1\r\nHost: a\r\nContent-Length: ${20 * MIB}\r\n\r\n`)
    for (let sent = 0; sent < 20; sent++)
      if (!line.socket.write(Buffer.alloc(MIB, 'y'))) await new Promise((next) => line.socket.once('drain', next))
    assert.ok((await line.until(30 * MIB)) >= 30 * MIB)
    assert.is(received, 20 * MIB)
    line.socket.destroy()
  }))

test('slow readers hold little memory', () =>
  during({}, async () => {
    const before = process.memoryUsage().rss
    const sockets = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const socket = connect({ host: '127.0.0.1', port: PORT })
        await new Promise((next) => socket.once('connect', next))
        socket.pause()
        socket.write(`GET /bytes/${100 * MIB} HTTP/1.1\r\nHost: a\r\n\r\n`)
        return socket
      }),
    )
    await new Promise((next) => setTimeout(next, 1500))
    assert.ok(process.memoryUsage().rss - before < 150 * MIB, `${(process.memoryUsage().rss - before) / MIB} MiB more`)
    for (const socket of sockets) socket.destroy()
  }))

test('a client that goes takes its request with it', () =>
  during({}, async (proxy) => {
    const lines = await Promise.all(Array.from({ length: 20 }, dial))
    for (const { socket } of lines) socket.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n')
    await settled(() => open >= 20)
    assert.is(open, 20)
    // an end of its sending half alone would not do: such a client may still wait
    for (const { socket } of lines) socket.resetAndDestroy()
    await settled(() => open === 0 && proxy.lane.active === 0)
    assert.is(open, 0)
    assert.is(proxy.lane.active, 0)
  }))

test('a connection goes back only when it is clean', async () => {
  let clean = 0
  await during({ onClean: () => clean++ }, async () => {
    const line = await dial()
    line.socket.write(GET)
    await settled(() => clean === 1)
    assert.is(clean, 1, 'behind an answered request')
    line.socket.write(GET + GET.slice(0, 10))
    await settled(() => (line.text().match(/200 OK/g)?.length ?? 0) === 2)
    assert.is(clean, 1, 'not in the middle of a head')
    line.socket.write(GET.slice(10))
    await settled(() => clean === 2)
    assert.is(clean, 2)
    assert.is(line.text().match(/200 OK/g)?.length, 3)
    line.socket.destroy()
  })
})

test('another generation holds from the next request on', () =>
  during({}, async (proxy) => {
    const line = await dial()
    line.socket.write('GET /said HTTP/1.1\r\nHost: a\r\n\r\n')
    await settled(() => line.text().endsWith('said'))
    proxy.renew(resources([{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'other' } } }]))
    line.socket.write('GET /said HTTP/1.1\r\nHost: a\r\n\r\n')
    await settled(() => line.text().endsWith('other'))
    assert.ok(line.text().endsWith('other'), line.text())
    proxy.renew([])
    line.socket.write('GET /said HTTP/1.1\r\nHost: a\r\n\r\n')
    await settled(() => line.socket.destroyed)
    assert.ok(line.socket.destroyed, 'without HTTP there is nobody to answer')
  }))

test.run()
