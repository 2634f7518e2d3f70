/**
 * A request is drawn for once and takes a token once, also where the kernel has begun with it and user space ends it: no connection to the endpoint was idle, a filter or a route is user space's,
 * an answer of the kernel would overtake another one.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command, detachIfThere } from '../../scripts/commands.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { backendCluster, httpListener, localRateLimit } from '../../scripts/kit/http-resources.ts'
import { run, start } from '../../scripts/kit/process.ts'
import { startServing } from '../../scripts/kit/serving.ts'

const INSTANCE = `kmc5-drawn-${process.pid}`
const SERVICE = '127.73.0.1'
const BACKEND = '127.73.0.2'
const TYPE = 'type.googleapis.com/envoy'
const TOKENS = 40
const ASKED = 60

/** /wait...: after a while, so that its connection is taken until then. */
const SERVER = `
require('node:http').createServer((request, response) => {
  setTimeout(() => response.end(request.url), request.url.startsWith('/wait') ? 400 : 0)
}).listen(8080, '${BACKEND}', () => process.stdout.write('ready'))
`

/** In: {path, port, connections, each}; out: [status, route, reused] of every answer. All connections ask at once; a connection asks again when it has its answer. */
const CLIENT = `
const { Agent, request } = require('node:http')
const { path, port, connections, each } = JSON.parse(process.argv[1])
const said = []
const one = (agent) => new Promise((resolve, reject) => {
  request({ host: '${SERVICE}', port, path, agent }, (response) => {
    said.push([response.statusCode, response.headers['x-route'] ?? ''])
    response.resume().on('end', resolve)
  }).on('error', reject).end()
})
const all = async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let i = 0; i < each; i++) await one(agent)
  agent.destroy()
}
Promise.all(Array.from({ length: connections }, all)).then(() => process.stdout.write(JSON.stringify(said)))
`

const limit = { name: 'limit', typed_config: localRateLimit(TOKENS) }
const fault = (what: object) => ({
  name: 'fault',
  typed_config: { '@type': `${TYPE}.extensions.filters.http.fault.v3.HTTPFault`, ...what },
})
const half = { numerator: 50 }
const DELAY = fault({ delay: { fixed_delay: '0.001s', percentage: { numerator: 100 } } })
const ABORT = fault({ abort: { http_status: 418, percentage: half } })

const to = { match: { prefix: '/' }, route: { cluster: 'one' } }
const labelled = (name: string) => ({ response_headers_to_add: [{ header: { key: 'x-route', value: name } }] })
const FRACTION = {
  match: { prefix: '/', runtime_fraction: { default_value: half } },
  route: { cluster: 'one', request_mirror_policies: [{ cluster: 'one' }] },
  ...labelled('fraction'),
}

const SERVICES = [
  { port: 80, filters: [limit], routes: [to] },
  { port: 81, filters: [limit, DELAY], routes: [to] },
  { port: 82, filters: [], routes: [FRACTION, { ...to, ...labelled('rest') }] },
  { port: 83, filters: [ABORT], routes: [to] },
]

const resources = [
  ...SERVICES.map((service) => httpListener({ ...service, name: `at-${service.port}`, address: SERVICE })),
  backendCluster('one', BACKEND),
]

const folder = mkdtempSync(join(tmpdir(), 'kmc5-'))
undoAtExit(() => {
  detachIfThere(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})
const clients = makeCgroup('kmc5-drawn')
const server = start(['node', '-e', SERVER], {}, ['ignore', 'pipe', 'inherit'])
undoAtExit(() => server.kill('SIGKILL'))
await new Promise((resolve) => server.stdout?.once('data', resolve))
writeFileSync(join(folder, 'snapshot.json'), JSON.stringify({ resources }))
run([...command('kmeshc'), 'compile', join(folder, 'snapshot.json'), '-o', join(folder, 'artifact.tar')])
run([...command('kmesh-runtime'), 'apply', join(folder, 'artifact.tar'), '--instance', INSTANCE, '--cgroup', clients.path])
const serving = await startServing(INSTANCE)

interface Load {
  readonly path: string
  readonly port: number
  readonly connections: number
  readonly each: number
}

const ask = (load: Load): readonly (readonly [status: number, route: string])[] =>
  JSON.parse(run(['node', '-e', CLIENT, JSON.stringify(load)], { cgroup: clients.path }))

const share = (said: ReturnType<typeof ask>, of: (one: readonly [number, string]) => boolean): number =>
  said.filter(of).length / said.length

test('requests that find no idle connection take one token each', () => {
  const said = ask({ path: '/wait', port: 80, connections: ASKED, each: 1 })
  assert.is(said.filter(([status]) => status === 200).length, TOKENS)
  assert.is(said.filter(([status]) => status === 429).length, ASKED - TOKENS)
})

test('so do requests that a filter behind the limit leaves to user space', () => {
  const said = ask({ path: '/', port: 81, connections: 3, each: ASKED / 3 })
  assert.is(said.filter(([status]) => status === 200).length, TOKENS)
})

test('a route for one half, which is user space\u2019s, gets one half', () => {
  const said = ask({ path: '/', port: 82, connections: 400, each: 1 })
  const part = share(said, ([, route]) => route === 'fraction')
  assert.ok(part > 0.4 && part < 0.6, `${part}`)
})

test('an abort for one half is dealt to one half', () => {
  const alone = share(ask({ path: '/wait', port: 83, connections: 300, each: 1 }), ([status]) => status === 418)
  assert.ok(alone > 0.4 && alone < 0.6, `${alone} of those that find no idle connection`)
  const second = share(ask({ path: '/', port: 83, connections: 100, each: 4 }), ([status]) => status === 418)
  assert.ok(second > 0.4 && second < 0.6, `${second} of those behind others`)
})

test.after(async () => {
  serving.end()
  await serving.ended
  server.kill('SIGKILL')
  detachIfThere(INSTANCE)
  clients.remove()
})
test.run()
