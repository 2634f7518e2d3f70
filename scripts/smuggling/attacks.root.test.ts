/**
 * Attacks on the kernel's way with HTTP, against a real instance in a closed namespace: denied requests that are pipelined, cut anywhere or sent before the connection stands;
 * servers that say more than they were asked, or too early. No denied request reaches a server, nobody gets another one's answer.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { status } from '../../runtime/status.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { until } from '../kit/holder-world.ts'
import { complaintsSince, lastRecord, readKernelLog } from '../kit/kernel-log.ts'
import { type LineProcess, startLineProcess } from '../kit/line-process.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { run, start } from '../kit/process.ts'
import { python } from '../kit/python.ts'
import type { JsonObject } from '../oracle/envoy.ts'
import { clusterResource, listenerResource } from '../routing/case-resources.ts'
import { type KernelInstance, startKernelInstance } from './kernel-instance.ts'

const HOST = '10.96.26.1'
const PLACES = { observed: { port: 81, server: 26301 }, elsewhere: { port: 82, server: 26302 } } as const
type Kind = keyof typeof PLACES
const KINDS = ['observed', 'elsewhere'] as const
const TYPE = 'type.googleapis.com/envoy.config'
/** both sides, and without a cookie (ip-sysctl: tcp_fastopen) */
const FAST_OPEN = 0x207

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${more}\r\n`

/** Everything under `denied` is refused. */
function resources(...denied: readonly string[]): readonly JsonObject[] {
  return KINDS.flatMap((kind) => {
    const { port, server } = PLACES[kind]
    const refusals = denied.map((prefix) => ({ match: { prefix }, direct_response: { status: 403, body: { inline_string: 'denied' } } }))
    const routes = [...refusals, { match: { prefix: '/' }, route: { cluster: kind } }]
    const route_config = { name: kind, virtual_hosts: [{ name: 'all', domains: ['*'], routes }] }
    return [
      {
        '@type': `${TYPE}.listener.v3.Listener`,
        ...listenerResource({ id: kind, requests: [], route_config }, { host: HOST, port }),
        name: kind,
      },
      { '@type': `${TYPE}.cluster.v3.Cluster`, ...clusterResource(kind, server) },
    ]
  })
}

interface Response {
  readonly status: number
  readonly text?: string
}

interface Client {
  step<T>(command: Readonly<Record<string, unknown>>): Promise<T>
  connect(kind: Kind, name: string, more?: Readonly<Record<string, unknown>>): Promise<void>
  send(name: string, ...pieces: readonly string[]): Promise<unknown>
  /** "STATUS text" of each */
  read(name: string, count: number): Promise<readonly string[]>
}

const said = lastRecord()
const namespace = await makeNamespace({ addresses: [HOST] })
run(['sh', '-c', `echo ${FAST_OPEN} > /proc/sys/net/ipv4/tcp_fastopen`], { namespace: namespace.path })
const cgroups = { clients: makeCgroup('kmh9-clients'), servers: makeCgroup('kmh9-servers') }
const at = { namespace: namespace.path, cgroup: cgroups.clients.path }
const processes: (() => void)[] = []
const here = (name: string): string => new URL(name, import.meta.url).pathname
let kernel: KernelInstance
let client: Client

async function startServer(kind: Kind): Promise<void> {
  const place = { namespace: namespace.path, ...(kind === 'observed' && { cgroup: cgroups.servers.path }) }
  const child = start([python(), here('strange_server.py'), '127.0.0.1', String(PLACES[kind].server)], place, ['ignore', 'pipe', 'inherit'])
  processes.push(undoAtExit(() => void child.kill('SIGKILL')))
  await new Promise((resolve) => child.stdout?.once('data', resolve))
}

function clientOf(lines: LineProcess): Client {
  const step = async <T>(command: Readonly<Record<string, unknown>>): Promise<T> => {
    const { ok, errno } = await lines.ask<{ readonly ok?: T; readonly errno?: string }>(command)
    if (errno !== undefined) throw new Error(errno)
    return ok as T
  }
  return {
    step,
    connect: (kind, name, more = {}) => step({ op: 'connect', name, address: HOST, port: PLACES[kind].port, ...more }),
    send: (name, ...pieces) => step({ op: 'send', name, pieces }),
    read: async (name, count) =>
      (await step<readonly Response[]>({ op: 'read', name, count })).map(({ status: code, text = '' }) => `${code} ${text}`),
  }
}

/** What came to a server, past everything of ours. */
function seenBy(kind: Kind): readonly string[] {
  const url = `http://127.0.0.1:${PLACES[kind].server}/seen`
  return JSON.parse(run(['curl', '-sS', '-m', '5', url], { namespace: namespace.path })) as readonly string[]
}

/** Requests that the kernel gave to a server. */
const given = (kind: Kind): number => status(kernel.name).clusters.find(({ name }) => name === kind)?.connections ?? 0

test.before(async () => {
  for (const kind of KINDS) await startServer(kind)
  const lines = startLineProcess(here('../sockets/client.py'), at)
  processes.push(lines.stop)
  client = clientOf(lines)
  kernel = await startKernelInstance({
    name: `kmh9-attacks-${process.pid}`,
    governed: cgroups.clients.path,
    observe: [cgroups.servers.path],
    resources: resources('/admin'),
  })
  for (const kind of KINDS) {
    await until(`${kind} is the kernel's`, async () => {
      const before = given(kind)
      await client.connect(kind, 'warm')
      await client.send('warm', get('/id/warm'))
      await client.read('warm', 1)
      await client.step({ op: 'close', name: 'warm' })
      return given(kind) > before
    })
  }
})

test.after(async () => {
  await kernel.stop()
  for (const end of processes) end()
  cgroups.clients.remove()
  cgroups.servers.remove()
  namespace.remove()
})

for (const kind of KINDS) {
  test(`allowed, denied and allowed in one send, cut at every byte (${kind})`, async () => {
    const text = get('/id/1') + get('/admin/cut') + get('/id/2')
    const before = given(kind)
    for (let cut = 0; cut < text.length; cut++) {
      await client.connect(kind, 'cut')
      await client.send('cut', ...[text.slice(0, cut), text.slice(cut)].filter((piece) => piece !== ''))
      assert.equal(await client.read('cut', 3), ['200 1', '403 denied', '200 2'], `cut at ${cut}`)
      await client.step({ op: 'close', name: 'cut' })
    }
    assert.ok(given(kind) - before > text.length / 2, 'the first of them are the kernel\u2019s')
    assert.not.ok(seenBy(kind).some((path) => path.startsWith('/admin')))
  })

  test(`bytes before the connection stands, and requests behind them (${kind})`, async () => {
    for (const how of ['sendto', 'option', 'waiting'] as const) {
      for (const first of ['/admin/early', '/id/early']) {
        const answers = first === '/id/early' ? '200 early' : '403 denied'
        await client.connect(kind, 'early', { early: get(first), how })
        assert.equal(await client.read('early', 1), [answers], how)
        await client.send('early', get('/admin/behind') + get('/id/behind'))
        assert.equal(await client.read('early', 2), ['403 denied', '200 behind'], how)
        await client.step({ op: 'close', name: 'early' })
        const half = get(first).length >> 1
        await client.connect(kind, 'early', { early: get(first).slice(0, half), how })
        await client.send('early', get(first).slice(half) + get('/admin/half'))
        assert.equal(await client.read('early', 2), [answers, '403 denied'], `${how}, half`)
        await client.step({ op: 'close', name: 'early' })
      }
    }
    assert.not.ok(seenBy(kind).some((path) => path.startsWith('/admin')))
  })

  test(`behind the last request of a connection there is none (${kind})`, async () => {
    for (const [path, answer] of [
      ['/id/last', '200 last'],
      ['/admin/last', '403 denied'],
    ] as const) {
      for (const pieces of [
        [get(path, 'Connection: close\r\n') + get('/id/behind-last')],
        [get(path, 'Connection: close\r\n'), get('/id/behind-last')],
      ]) {
        await client.connect(kind, 'last')
        await client.send('last', ...pieces)
        assert.equal(await client.read('last', 1), [answer])
        const rest = await client.step<{ readonly text: string; readonly end: string }>({ op: 'rest', name: 'last', wait: 3 })
        assert.is(rest.text, '')
        assert.is.not(rest.end, 'timeout')
        await client.step({ op: 'close', name: 'last' })
      }
    }
    assert.not.ok(seenBy(kind).includes('/id/behind-last'))
  })

  test(`responses that nobody asked for (${kind})`, async () => {
    await client.connect(kind, 'a')
    for (let turn = 0; turn < 20; turn++) {
      await client.connect(kind, 'evil')
      await client.send('evil', get(`/both/${turn}`))
      assert.equal(await client.read('evil', 1), [`200 ${turn}`])
      for (const name of ['a', 'evil']) {
        await client.send(name, get(`/id/${name}${turn}`))
        assert.equal(await client.read(name, 1), [`200 ${name}${turn}`])
      }
      await client.step({ op: 'close', name: 'evil' })
      if (turn % 5 > 0) continue
      await client.connect(kind, 'later')
      await client.send('later', get(`/later/20/${turn}`))
      assert.equal(await client.read('later', 1), ['200 ok'])
      // before that it may be the answer to whatever is asked next on that connection, to any client of such a server
      while (!seenBy(kind).includes(`${turn} is sent`)) await pause(10)
      await pause(60)
      await client.send('a', get(`/id/behind${turn}`))
      assert.equal(await client.read('a', 1), [`200 behind${turn}`])
      await client.step({ op: 'close', name: 'later' })
    }
    await client.step({ op: 'close', name: 'a' })
  })

  test(`a response before the whole request is nobody else's (${kind})`, async () => {
    const post = 'POST /early HTTP/1.1\r\nHost: a.example\r\nContent-Length: 20000\r\n\r\n'
    for (let turn = 0; turn < 5; turn++) {
      await client.connect(kind, 'early')
      await client.send('early', post, 'x'.repeat(10_000))
      await client.send('early', 'x'.repeat(10_000))
      assert.equal(await client.read('early', 1), ['200 early'])
      await client.connect(kind, 'gone')
      await client.send('gone', post, 'x'.repeat(10_000))
      await client.step({ op: 'abort', name: 'gone' })
      await client.send('early', get(`/id/more${turn}`))
      assert.equal(await client.read('early', 1), [`200 more${turn}`])
      await client.step({ op: 'close', name: 'early' })
    }
  })
  test(`a route that becomes a denied one, on connections of every state (${kind})`, async () => {
    const states = ['fresh', 'used', 'slow', 'half', 'early'] as const
    for (const name of states) await client.connect(kind, name, name === 'early' ? { early: get('/secret/first'), how: 'sendto' } : {})
    const head = get('/secret/half')
    await client.send('used', get('/secret/used'))
    await client.send('slow', 'POST /secret/slow HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
    await client.send('half', head.slice(0, 20))
    for (const [name, text] of [
      ['used', 'used'],
      ['slow', 'slow'],
      ['early', 'first'],
    ] as const)
      assert.equal(await client.read(name, 1), [`200 ${text}`], name)
    kernel.apply(resources('/admin', '/secret'))
    const before = seenBy(kind).length
    await client.send('half', head.slice(20))
    assert.equal(await client.read('half', 1), ['403 denied'])
    for (const name of states) {
      await client.send(name, get('/secret/1') + get('/id/between') + get('/secret/2'))
      assert.equal(await client.read(name, 3), ['403 denied', '200 between', '403 denied'], name)
      await client.send(name, 'POST /secret/3 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
      assert.equal(await client.read(name, 1), ['403 denied'], name)
    }
    assert.not.ok(
      seenBy(kind)
        .slice(before)
        .some((path) => path.startsWith('/secret')),
    )
    kernel.apply(resources('/admin'))
    for (const name of states) await client.step({ op: 'close', name })
  })
}

test('the kernel has nothing to complain of', () => {
  assert.equal(said === undefined ? [] : complaintsSince(readKernelLog(), said), [])
})

test.run()
