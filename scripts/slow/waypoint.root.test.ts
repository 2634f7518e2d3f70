/** What neither the kernel nor the slow path does, at a real Envoy as waypoint: it gets what was asked, of whom and by whom, over PROXY protocol. */
import { connect, createServer, type Server } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { readInput } from '../../compiler/input/read.ts'
import { waypointBootstrap } from '../../compiler/waypoint.ts'
import { proxyHeader } from '../../runtime/slow/proxy-protocol.ts'
import { type JsonObject, type RunningEnvoy, startEnvoy } from '../oracle/envoy.ts'
import { clusterResource, listenerResource } from '../routing/case-resources.ts'
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts'
import { type SlowProxy, startSlowProxy } from './slow-proxy.ts'

const PORT = 24640
const UPSTREAM = PORT + 1
const WAYPOINT = PORT + 2
const TYPE = 'type.googleapis.com/envoy'
const LUA = 'function envoy_on_request(handle) handle:headers():add("x-lua", "been here") end'

const resources: readonly JsonObject[] = [
  {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    ...listenerResource(
      {
        id: 'waypoint',
        requests: [],
        hcm: {
          codec_type: 'AUTO',
          http_filters: [
            {
              name: 'lua',
              typed_config: { '@type': `${TYPE}.extensions.filters.http.lua.v3.Lua`, default_source_code: { inline_string: LUA } },
            },
          ],
        },
        route_config: {
          name: 'r',
          virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'up' } }] }],
        },
      },
      { host: '127.0.0.1', port: PORT },
    ),
  },
  { '@type': `${TYPE}.config.cluster.v3.Cluster`, ...clusterResource('up', UPSTREAM) },
]

let upstream: ScriptedUpstream
let envoy: RunningEnvoy

test.before(async () => {
  upstream = await startScriptedUpstream(UPSTREAM)
  const input = readInput([{ name: 'snapshot.json', bytes: Buffer.from(JSON.stringify(resources)) }], createDiagnostics())
  const { static_resources } = waypointBootstrap(input.resources, { address: '127.0.0.1', port: WAYPOINT }) as {
    readonly static_resources: { readonly listeners: readonly JsonObject[]; readonly clusters: readonly JsonObject[] }
  }
  envoy = await startEnvoy({ listeners: static_resources.listeners, clusters: static_resources.clusters })
  assert.equal(envoy.refused, [])
})

test.after(async () => {
  await envoy.stop()
  await upstream.stop()
})

async function withProxy(waypoint: 'waypoint' | 'none', during: (proxy: SlowProxy) => Promise<void>): Promise<void> {
  const place = waypoint === 'waypoint' ? { waypoint: { address: '127.0.0.1', port: WAYPOINT } } : {}
  const proxy = await startSlowProxy({ resources, places: [{ host: '127.0.0.1', port: PORT }], ...place })
  try {
    await during(proxy)
  } finally {
    await proxy.stop()
  }
}

/** bytes that come back until it is quiet or the end */
function talk(send: Buffer | string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: PORT })
    let text = ''
    const over = (): void => {
      socket.destroy()
      resolve(text)
    }
    let quiet = setTimeout(over, 1500)
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1')
      clearTimeout(quiet)
      quiet = setTimeout(over, 200)
    })
    socket.on('error', over)
    socket.on('close', over)
    socket.write(send)
  })
}

const REQUEST = 'POST /x/echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello'

test('a request with a filter that is unknown here goes to the waypoint, and the connection goes on', () =>
  withProxy('waypoint', async (proxy) => {
    const text = await talk(REQUEST + REQUEST)
    assert.is(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2, text)
    assert.is(text.match(/x-lua: been here/g)?.length, 2)
    assert.is(text.match(/\n\nhello/g)?.length, 2)
    assert.is(proxy.lane.statistics.all.get('waypoint'), 2)
  }))

test('without a waypoint it is refused, never passed on', () =>
  withProxy('none', async (proxy) => {
    upstream.take()
    assert.match(await talk(REQUEST), /^HTTP\/1\.1 503 /)
    assert.equal(upstream.take(), [])
    assert.is(proxy.lane.statistics.all.get('no_waypoint'), 1)
  }))

test('HTTP/2 goes there as it is', () =>
  withProxy('waypoint', async (proxy) => {
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
    const text = await talk(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]))
    assert.is(Buffer.from(text, 'latin1')[3], 4, 'a SETTINGS frame comes back')
    assert.is(proxy.lane.statistics.all.get('http2'), 1)
  }))

test('HTTP/2 without a waypoint ends where a filter has a say', () =>
  withProxy('none', async () => {
    assert.is(await talk('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), '')
  }))

test('who asked whom is told by PROXY protocol', async () => {
  const seen = await new Promise<Buffer>((resolve, reject) => {
    const server: Server = createServer((socket) => {
      socket.once('data', (data) => {
        socket.destroy()
        server.close()
        resolve(data)
      })
    }).listen({ host: '127.0.0.1', port: PORT + 3 })
    server.once('error', reject)
    server.once('listening', () => {
      const socket = connect({ host: '127.0.0.1', port: PORT + 3 })
      socket.on('error', () => undefined)
      socket.write(proxyHeader('127.0.0.7:1234', '127.96.0.1:80'))
    })
  })
  assert.is(seen.toString('hex'), '0d0a0d0a000d0a515549540a2111000c7f0000077f60000104d20050')
  const six = proxyHeader('[fd00::1]:1', '[fd00::2]:2')
  assert.is(six.length, 16 + 36)
  assert.is(six[13], 0x21)
})

test.run()
