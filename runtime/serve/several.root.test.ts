/**
 * Several network namespaces at once, a workload that opted out, and one token bucket for both lanes: real programs, holder and node process, in closed namespaces.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../../scripts/commands.ts'
import { buildHolder } from '../../scripts/kit/build-holder.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { until } from '../../scripts/kit/holder-world.ts'
import { backendCluster, httpListener, localRateLimit } from '../../scripts/kit/http-resources.ts'
import { DEFAULT_SOURCE4, DEFAULT_SOURCE6, makeNamespace } from '../../scripts/kit/namespace.ts'
import { placed, start } from '../../scripts/kit/process.ts'
import { python } from '../../scripts/kit/python.ts'
import type { JsonObject } from '../../scripts/oracle/envoy.ts'
import { detach } from '../detach.ts'
import { existingPins } from '../place.ts'
import { status } from '../status.ts'
import { retireHolder, sweepAfter } from './retire-holder.ts'

const INSTANCE = `kmd-several-${process.pid}`
const SERVICE4 = '10.96.64.1'
const SERVICE6 = 'fd00:96:64::1'
const LIMITED = '10.96.64.2'
const BACKEND4 = '10.64.0.5'
const BACKEND6 = 'fd00:64::5'
const OTHER4 = '172.31.254.1'
const OTHER6 = 'fd6b:6d65:7368::2'
const TOKENS = 10

const LIMIT = { name: 'limit', typed_config: localRateLimit(TOKENS) }
const service = (name: string, address: string, cluster: string, filters: readonly JsonObject[] = []) =>
  httpListener({
    name,
    address,
    filters,
    routes: [
      { match: { prefix: '/none' }, direct_response: { status: 404 } },
      { match: { prefix: '/' }, route: { cluster } },
    ],
  })
const resources = [
  service('v4', SERVICE4, 'four'),
  service('v6', SERVICE6, 'six'),
  service('limited', LIMITED, 'four', [LIMIT]),
  backendCluster('four', BACKEND4),
  backendCluster('six', BACKEND6),
]

/** Says where it is and who asked. */
const BACKEND = `
const http = require('node:http')
const [name, ...addresses] = process.argv.slice(1)
for (const address of addresses) {
  const server = http.createServer((request, response) => {
    request.resume()
    request.on('end', () => response.end(name + ' ' + request.socket.remoteAddress + ' ' + request.url + '\\n'))
  })
  server.keepAliveTimeout = 0
  server.listen(8080, address)
}
process.stdout.write('ready')
`

const folder = mkdtempSync(join(tmpdir(), 'kmd-'))
const children: ChildProcess[] = []
undoAtExit(() => {
  for (const child of children) child.kill('SIGKILL')
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})
buildHolder()
const clients = makeCgroup('kmd-clients')
const apart = join(clients.path, 'apart')
mkdirSync(apart)
const spaces = [
  { name: 'one', source4: DEFAULT_SOURCE4, source6: DEFAULT_SOURCE6 },
  { name: 'other', source4: OTHER4, source6: OTHER6 },
] as const
const namespaces = await Promise.all(
  spaces.map(({ source4, source6 }) => makeNamespace({ addresses: [SERVICE4, SERVICE6, LIMITED, BACKEND4, BACKEND6], source4, source6 })),
)
for (const [index, { name }] of spaces.entries()) {
  const namespace = namespaces[index]?.path as string
  const backend = start(['node', '-e', BACKEND, name, BACKEND4, BACKEND6], { namespace }, ['ignore', 'pipe', 'inherit'])
  children.push(backend, start(['sleep', '600'], { namespace, cgroup: clients.path }, 'ignore'))
  await new Promise((resolve) => backend.stdout?.once('data', resolve))
}

function runs(name: 'kmeshc' | 'kmesh-runtime', ...args: readonly string[]): void {
  const [program, ...rest] = [...command(name), ...args]
  const { status: code, stderr } = spawnSync(program, rest, { encoding: 'utf8', input: '' })
  assert.is(code, 0, stderr)
}

/** what each of the requests was answered with, from one client in that namespace */
const curl = (space: number, args: readonly string[], cgroup = clients.path): Promise<readonly string[]> =>
  linesOf(space, ['curl', '-sS', '-m', '20', ...args], cgroup)

/** What a client prints. */
async function linesOf(space: number, argv: readonly string[], cgroup: string): Promise<readonly string[]> {
  const place = { namespace: namespaces[space]?.path as string, cgroup }
  const [program, ...rest] = placed(argv, place)
  const child = spawn(program as string, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  await new Promise((resolve) => child.once('close', resolve))
  return text.split('\n').slice(0, -1)
}

const times = (count: number, url: string): readonly string[] => Array.from({ length: count }, (_, index) => `${url}/${index}`)
const decided = (name: string): number =>
  status(INSTANCE)
    .http.services.find(({ listener: one }) => one === name)
    ?.routes.reduce((sum, { requests }) => sum + requests, 0) ?? 0

/** A node process, or the next one; until it accepts in both namespaces. `optedOut`: a cgroup. */
async function serveWithout(optedOut: string): Promise<void> {
  const [program, ...rest] = [...command('kmesh-runtime'), 'serve', '--instance', INSTANCE, '--opt-out', optedOut]
  const serving = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(serving)
  let said = ''
  serving.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  for (let tries = 0; tries < 600 && said.split('accepting in network namespace').length < 3; tries++) {
    assert.is(serving.exitCode, null, said)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test('clients of two namespaces at once, in both families: each meets the server of its own, which sees its address', async () => {
  const snapshot = join(folder, 'snapshot.json')
  writeFileSync(snapshot, JSON.stringify({ resources }))
  runs('kmeshc', 'compile', snapshot, '-o', join(folder, 'artifact.tar'))
  runs('kmesh-runtime', 'apply', join(folder, 'artifact.tar'), '--instance', INSTANCE, '--cgroup', clients.path)
  await serveWithout(apart)
  const asked = await Promise.all(
    spaces.flatMap(({ name, source4, source6 }, space) =>
      ([['4', `http://${SERVICE4}`, source4] as const, ['6', `http://[${SERVICE6}]`, source6] as const] as const).map(
        async ([family, url, source]) => {
          const answers = await curl(space, times(20, `${url}/${name}${family}`))
          assert.equal(
            answers,
            Array.from({ length: 20 }, (_, index) => `${name} ${source} /${name}${family}/${index}`),
          )
          return answers.length
        },
      ),
    ),
  )
  assert.equal(asked, [20, 20, 20, 20])
  assert.ok(decided('v4') >= 30, `${decided('v4')} of 40 were decided in the kernel`)
  assert.ok(decided('v6') >= 30, `${decided('v6')} of 40 were decided in the kernel`)
})

test('a workload that opted out is user space\u2019s alone', async () => {
  const before = decided('v4')
  const answers = await curl(0, times(10, `http://${SERVICE4}/apart`), apart)
  assert.equal(
    answers,
    Array.from({ length: 10 }, (_, index) => `one ${DEFAULT_SOURCE4} /apart/${index}`),
  )
  assert.is(decided('v4'), before)
  assert.is(status(INSTANCE).http.slow.manual, 1)
})

/** Blocks in recv() until a signal comes, whose handler sends the rest of the request. */
const INTERRUPTED = `
import signal, socket, sys
link = socket.create_connection((sys.argv[1], 80))
link.settimeout(None)
link.sendall(b"GET /apart/alarm HTTP/1.1\\r\\nHost: x\\r\\n")
signal.signal(signal.SIGALRM, lambda *_: link.sendall(b"\\r\\n"))
signal.setitimer(signal.ITIMER_REAL, 0.1)
print(link.recv(65536).split(b"\\r\\n")[0].decode())
`

test('a workload that opted out may block in recv() and be interrupted', async () => {
  assert.equal(await linesOf(0, [python(), '-c', INTERRUPTED, SERVICE4], apart), ['HTTP/1.1 200 OK'])
})

test('both lanes take from one token bucket', async () => {
  const codes: string[] = []
  for (let round = 0; round < TOKENS; round++) {
    const show = ['-o', '/dev/null', '-w', '%{http_code}\\n', `http://${LIMITED}/${round}`]
    codes.push(...(await curl(round % 2, show)))
    codes.push(...(await curl(round % 2, ['-H', 'Transfer-Encoding: chunked', '-d', 'x', ...show])))
  }
  assert.is(codes.length, 2 * TOKENS)
  const slow = JSON.stringify(status(INSTANCE).http.services.find(({ listener: one }) => one === 'limited'))
  assert.is(codes.filter((code) => code === '200').length, TOKENS, `${codes.join(' ')} ${slow}`)
  assert.is(codes.filter((code) => code === '429').length, TOKENS)
})

test('so may one that is in the governed cgroup itself, whose own programs come first', async () => {
  await serveWithout(clients.path)
  const before = decided('v4')
  assert.equal(await linesOf(0, [python(), '-c', INTERRUPTED, SERVICE4], clients.path), ['HTTP/1.1 200 OK'])
  assert.is(decided('v4'), before)
})

test('nothing is left', async () => {
  const serving = children.at(-1) as ChildProcess
  const gone = new Promise((resolve) => serving.once('exit', resolve))
  serving.kill('SIGTERM')
  await gone
  await until('no place is held', () => status(INSTANCE).clusters.every(({ active }) => active === 0))
  for (const child of children) child.kill('SIGKILL')
  detach(INSTANCE)
  await retireHolder(INSTANCE, 'observe', 0)
  await sweepAfter(INSTANCE)
  rmdirSync(apart)
  clients.remove()
  for (const namespace of namespaces) namespace.remove()
})

test.run()
