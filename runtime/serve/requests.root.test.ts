/**
 * Requests end to end in a closed network namespace: real programs, the holder, `kmesh-runtime serve` as a process. Without it services refuse; with it both families
 * work and servers see the client's address; it is killed, replaced and asked to leave under load, and no request fails.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../../scripts/commands.ts'
import { buildHolder } from '../../scripts/kit/build-holder.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { until } from '../../scripts/kit/holder-world.ts'
import { backendCluster, httpListener } from '../../scripts/kit/http-resources.ts'
import { DEFAULT_SOURCE4, DEFAULT_SOURCE6, makeNamespace } from '../../scripts/kit/namespace.ts'
import { placed, run, start } from '../../scripts/kit/process.ts'
import { detach } from '../detach.ts'
import { existingPins } from '../place.ts'
import { status } from '../status.ts'
import { askHolder } from './holder-presence.ts'
import { retireHolder, sweepAfter } from './retire-holder.ts'

const INSTANCE = `kmh4-requests-${process.pid}`
const SERVICE4 = '10.96.24.1'
const SERVICE6 = 'fd00:96::1'
const BACKEND4 = '10.24.0.5'
const BACKEND6 = 'fd00:24::5'

const service = (name: string, address: string, cluster: string) =>
  httpListener({
    name,
    address,
    routes: [
      { match: { prefix: '/late' }, route: { cluster, timeout: '0.3s' } },
      { match: { prefix: '/' }, route: { cluster } },
    ],
  })

/** Says who asked; /late answers after a second, /long is 6 MB, /upload waits for the end of the request. */
const BACKEND = `
const http = require('node:http')
for (const address of process.argv.slice(1)) {
  const server = http.createServer((request, response) => {
    if (request.url === '/late') return setTimeout(() => response.end('late'), 1000)
    if (request.url === '/long') return response.end(Buffer.alloc(6000000, 'z'))
    if (request.url === '/upload') return request.resume().once('end', () => response.end('all of it'))
    response.end(request.socket.remoteAddress + ' ' + request.method + ' ' + request.url)
  })
  server.keepAliveTimeout = 0
  server.listen(8080, address)
}
process.stdout.write('ready')
`

const folder = mkdtempSync(join(tmpdir(), 'kmh4-'))
const serving: ChildProcess[] = []
undoAtExit(() => {
  for (const child of serving) child.kill('SIGKILL')
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})
buildHolder()
const namespace = await makeNamespace({ addresses: [SERVICE4, SERVICE6, BACKEND4, BACKEND6] })
const clients = makeCgroup('kmh4-clients')
const servers = makeCgroup('kmh4-servers')
const place = { namespace: namespace.path, cgroup: clients.path }
const backend = start(['node', '-e', BACKEND, BACKEND4, BACKEND6], { namespace: namespace.path, cgroup: servers.path }, [
  'ignore',
  'pipe',
  'inherit',
])
await new Promise((resolve) => backend.stdout?.once('data', resolve))
// a governed process, so that the namespace is known before the first client comes
const resident = start(['sleep', '600'], place, 'ignore')

function runtime(...args: readonly string[]): string {
  const [program, ...rest] = [...command('kmesh-runtime'), ...args]
  const { status: code, stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8', input: '' })
  assert.is(code, 0, stderr)
  return stdout + stderr
}

async function serve(...more: readonly string[]): Promise<ChildProcess> {
  const [program, ...rest] = [...command('kmesh-runtime'), 'serve', '--instance', INSTANCE, ...more]
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  serving.push(child)
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  await until('it serves', () => {
    assert.is(child.exitCode, null, text)
    return /(?:started|found) the holder/.test(text)
  })
  return child
}

const exited = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.once('exit', resolve))

interface Answer {
  readonly code: number | null
  readonly body: string
}

function curl(...args: readonly string[]): Answer {
  const [program, ...rest] = placed(['curl', '-sS', '-m', '10', ...args], place)
  const { status: code, stdout } = spawnSync(program as string, rest, { encoding: 'utf8' })
  return { code, body: stdout }
}

/** requests that wrk made, and what it says of errors */
function load(url: string, seconds: number): Promise<{ readonly requests: number; readonly trouble: string }> {
  const [program, ...rest] = placed(['wrk', '-t1', '-c8', `-d${seconds}`, '--timeout', '10s', url], place)
  const child = spawn(program as string, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  return exited(child).then(() => ({
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    trouble: /^.*(?:Socket errors|Non-2xx).*$/m.exec(text)?.[0] ?? '',
  }))
}

/** requests that user space was left with */
const leftToUserSpace = (): number =>
  status(INSTANCE)
    .http.services.flatMap(({ routes }) => routes)
    .flatMap(({ slow }) => Object.values(slow))
    .reduce((sum, count) => sum + count, 0)

/** requests and connections that were given an endpoint, by cluster */
const decided = (): readonly number[] => status(INSTANCE).clusters.map(({ connections }) => connections)

/** A load on both clusters that began is the kernel's: the first requests of connections that find no upstream ready are those of a process, and die with it when it is killed. */
async function inKernel(): Promise<void> {
  const before = decided()
  let slow = -1
  await until('the load is the kernel\u2019s', () => {
    const had = slow
    slow = leftToUserSpace()
    return had === slow && decided().every((count, i) => count > (before[i] ?? 0) + 1000)
  })
}

const snapshot = join(folder, 'snapshot.json')
const artifact = join(folder, 'artifact.tar')
const resources = [
  service('v4', SERVICE4, 'four'),
  service('v6', SERVICE6, 'six'),
  backendCluster('four', BACKEND4),
  backendCluster('six', BACKEND6),
]
writeFileSync(snapshot, JSON.stringify({ resources }))
const [compiler, ...compile] = [...command('kmeshc'), 'compile', snapshot, '-o', artifact]
const compiled = spawnSync(compiler, compile, { encoding: 'utf8' })
assert.is(compiled.status, 0, compiled.stderr)

test('while nobody serves, HTTP services refuse, and apply and status say so', () => {
  assert.match(runtime('apply', artifact, '--instance', INSTANCE, '--cgroup', clients.path), /KM9304/)
  assert.is(curl(`http://${SERVICE4}/`).code, 7)
  assert.is(status(INSTANCE).listeners.find(({ name }) => name === 'v4')?.failures.no_acceptor, 1)
  assert.match(runtime('status', '--instance', INSTANCE), /KM9304[\s\S]*nobody accepts/)
})

test('both families, in the namespace of the client, whose address the server sees', async () => {
  await serve('--observe', servers.path)
  await until('it accepts there', () => curl(`http://${SERVICE4}/`).code === 0)
  for (let i = 0; i < 3; i++) {
    assert.is(curl(`http://${SERVICE4}/a`).body, `${DEFAULT_SOURCE4} GET /a`)
    assert.is(curl(`http://[${SERVICE6}]/b`).body, `${DEFAULT_SOURCE6} GET /b`)
  }
  const { http } = status(INSTANCE)
  assert.equal(http.observed.length, 1)
  // connections stand before there is a request: none found the pool empty
  const six = http.services.find(({ listener }) => listener === 'v6')
  assert.equal(
    six?.routes.map(({ slow }) => slow),
    [{}, {}],
  )
})

test('requests after the first are the kernel\u2019s', async () => {
  const { requests, trouble } = await load(`http://${SERVICE4}/x`, 1)
  assert.is(trouble, '')
  assert.ok(requests > 100, `${requests}`)
  const { clusters } = status(INSTANCE)
  const slow = leftToUserSpace()
  assert.ok((clusters.find(({ name }) => name === 'four')?.connections ?? 0) > requests * 0.9)
  assert.ok(slow < 50, `${slow} went to user space`)
})

test('504 behind the time of the route, and a long answer in full', () => {
  const late = curl('-w', ' %{http_code} %{num_connects}', `http://${SERVICE4}/late`, '-o', '-', `http://${SERVICE4}/after`)
  assert.match(late.body, /^upstream request timeout 504 1/)
  assert.match(late.body, /GET \/after 200 0$/)
  assert.is(curl('-w', '%{size_download}', '-o', '/dev/null', `http://${SERVICE4}/long`).body, '6000000')
})

test('killed, replaced and asked to leave under load: no request fails', async () => {
  const under = load(`http://${SERVICE4}/load`, 14)
  const six = load(`http://[${SERVICE6}]/load`, 14)
  await inKernel()
  serving.at(-1)?.kill('SIGKILL')
  const second = await serve('--observe', servers.path)
  const gone = exited(second)
  await serve('--observe', servers.path)
  await gone
  serving.at(-1)?.kill('SIGHUP')
  await serve('--observe', servers.path)
  runtime('apply', artifact, '--instance', INSTANCE, '--cgroup', clients.path)
  for (const { requests, trouble } of [await under, await six]) {
    assert.is(trouble, '')
    assert.ok(requests > 1000, `${requests}`)
  }
  const { clusters } = status(INSTANCE)
  await until('nothing is counted as live', () => status(INSTANCE).clusters.every(({ active }) => active === 0))
  assert.ok(clusters.length > 0)
})

test('asked to leave in the midst of an exchange, with nobody after it: it goes on serving until that is over', async () => {
  const child = serving.at(-1) as ChildProcess
  const gone = exited(child)
  // a chunked request is user space's
  const upload = start(['curl', '-sS', '-m', '10', '-T', '-', `http://${SERVICE4}/upload`], place, ['pipe', 'pipe', 'inherit'])
  let answer = ''
  upload.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    answer += piece
  })
  upload.stdin?.write('a piece')
  await until('user space has it', async () => (await askHolder(INSTANCE))?.counters.handed === 1)
  child.kill('SIGHUP')
  for (let i = 0; i < 3; i++) {
    const other = curl('-H', 'Transfer-Encoding: chunked', '-d', 'x', `http://${SERVICE4}/other`)
    assert.is(other.body, `${DEFAULT_SOURCE4} POST /other`)
  }
  await pause(20)
  assert.is(child.exitCode, null)
  upload.stdin?.end()
  await gone
  assert.is(answer, 'all of it')
  await serve('--observe', servers.path)
})

test('stopped, services refuse again and nothing is left', async () => {
  const child = serving.at(-1) as ChildProcess
  const gone = exited(child)
  child.kill('SIGTERM')
  await gone
  assert.is(await askHolder(INSTANCE), null)
  assert.is(curl(`http://${SERVICE4}/`).code, 7)
  resident.kill('SIGKILL')
  backend.kill('SIGKILL')
  detach(INSTANCE)
  await retireHolder(INSTANCE, 'observe', 0)
  await sweepAfter(INSTANCE)
  run(['true'])
  clients.remove()
  servers.remove()
  namespace.remove()
})

test.run()
