/**
 * Requests that the kernel sends and user space tries again: after an answer with a status of the route's, after none, in order before what was pipelined behind them, with what was decided for
 * them the first time; and what becomes of them while the node process is away.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command, detachIfThere } from '../../scripts/commands.ts'
import { openSlowCounter } from '../../scripts/judging/lanes.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { backendCluster, httpListener, localRateLimit } from '../../scripts/kit/http-resources.ts'
import { run, start } from '../../scripts/kit/process.ts'
import { type Serving, startServing } from '../../scripts/kit/serving.ts'

const INSTANCE = `kmt-again-${process.pid}`
const SERVICE = '127.65.0.1'
const BACKENDS = ['127.65.0.2', '127.65.0.3'] as const
const CONTROL = 8081

/**
 * /ROUTE/MANNER/KEY: how the first try with this key is met; others get 200 and "TRY ADDRESS BODY". What came is asked of another port.
 */
const SERVER = `
const seen = {}
const server = require('node:net').createServer((socket) => {
  let text = ''
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    text += data.toString('latin1')
    for (;;) {
      const end = text.indexOf('\\r\\n\\r\\n')
      if (end < 0) return
      const head = text.slice(0, end)
      const length = Number(/content-length: *(\\d+)/i.exec(head)?.[1] ?? 0)
      if (text.length < end + 4 + length) return
      const body = text.slice(end + 4, end + 4 + length)
      text = text.slice(end + 4 + length)
      serve(socket, head, body)
    }
  })
})
const say = (socket, status, body, more = '') => socket.write('HTTP/1.1 ' + status + ' Said\\r\\n' + more + 'Content-Length: ' + body.length + '\\r\\n\\r\\n' + body)
function serve(socket, head, body) {
  const [, , manner, key] = head.split(' ')[1].split('/')
  const tries = (seen[key] ??= [])
  tries.push({ address: socket.localAddress, count: /x-envoy-attempt-count: *(\\d+)/i.exec(head)?.[1] ?? null, agent: /user-agent: *(.*)/i.exec(head)?.[1] ?? null })
  const number = tries.length
  const well = () => say(socket, 200, number + ' ' + socket.localAddress + ' ' + body)
  if (manner === 'never') return say(socket, 503, 'no ' + number)
  if (manner === 'silent') return
  if (manner === 'conflict') return say(socket, 409, 'conflict')
  if (manner === 'gone') return socket.destroy()
  if (number > 1) return manner === 'slowly' ? setTimeout(well, 700) : well()
  if (manner === 'second' || manner === 'slowly') return say(socket, 503, 'not yet')
  if (manner === 'long') return say(socket, 503, 'z'.repeat(600000))
  if (manner === 'closing') { say(socket, 503, 'not yet', 'Connection: close\\r\\n'); return socket.end() }
  if (manner === 'chunked') return socket.write('HTTP/1.1 503 Said\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n0\\r\\n\\r\\n')
  if (manner === 'pieces') { socket.write('HTTP/1.1 50'); return setTimeout(() => socket.write('3 Said\\r\\nContent-Length: 0\\r\\n\\r\\n'), 30) }
  if (manner === 'lost') return socket.destroy()
  if (manner === 'late') return
  well()
}
require('node:http').createServer((request, response) => response.end(JSON.stringify(seen[request.url.slice(1)] ?? []))).listen(${CONTROL}, '127.65.0.2', () => {
  server.listen(8080, '127.65.0.2', () => {
    require('node:net').createServer((socket) => server.emit('connection', socket)).listen(8080, '127.65.0.3', () => process.stdout.write('ready'))
  })
})
`

/** Of one line each: the text to send at once and how many answers to wait for. Says what came: [status, body] of each, and how it ended. */
const CLIENT = `
const { connect } = require('node:net')
let socket
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { text, count, fresh } = JSON.parse(line)
  if (fresh || !socket || socket.destroyed) { socket?.destroy(); socket = connect({ host: '${SERVICE}', port: 80 }) }
  let came = ''
  const answers = []
  const timer = setTimeout(() => end('timeout'), 60000)
  const end = (how) => { clearTimeout(timer); socket.removeAllListeners(); socket.on('error', () => undefined); process.stdout.write(JSON.stringify({ answers, how }) + '\\n') }
  socket.on('error', () => end('error'))
  socket.on('close', () => end('close'))
  socket.on('data', (data) => {
    came += data.toString('latin1')
    for (;;) {
      const at = came.indexOf('\\r\\n\\r\\n')
      if (at < 0) return
      const head = came.slice(0, at)
      let body = came.slice(at + 4)
      if (/transfer-encoding: *chunked/i.test(head)) {
        const last = body.indexOf('0\\r\\n\\r\\n')
        if (last < 0) return
        came = body.slice(last + 5)
        body = 'chunked'
      } else {
        const length = Number(/content-length: *(\\d+)/i.exec(head)?.[1] ?? 0)
        if (body.length < length) return
        came = body.slice(length)
        body = body.slice(0, length)
      }
      answers.push([Number(head.split(' ')[1]), body])
      if (answers.length === count) return end('done')
    }
  })
  socket.write(Buffer.from(text, 'latin1'))
})
`

const retry = (more: object) => ({ num_retries: 2, retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' }, ...more })
const route = (prefix: string, action: object) => ({ match: { prefix: `/${prefix}/` }, route: { timeout: '4s', ...action } })
const MESH = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes'
const snapshot = [
  httpListener({
    name: 'again',
    address: SERVICE,
    filters: [{ name: 'envoy.filters.http.local_ratelimit', typed_config: localRateLimit() }],
    virtualHost: { include_request_attempt_count: true },
    routes: [
      route('five', { cluster: 'one', timeout: '1s', retry_policy: retry({ retry_on: '5xx', per_try_timeout: '0.2s' }) }),
      route('codes', {
        cluster: 'one',
        timeout: '0s',
        retry_policy: retry({ retry_on: MESH, retriable_status_codes: [503] }),
      }),
      route('other', {
        cluster: 'both',
        retry_policy: retry({
          retry_on: 'gateway-error',
          retry_host_predicate: [
            {
              name: 'envoy.retry_host_predicates.previous_hosts',
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
              },
            },
          ],
          host_selection_retry_max_attempts: 20,
        }),
      }),
      route('split', {
        weighted_clusters: {
          clusters: [
            { name: 'one', weight: 37 },
            { name: 'two', weight: 63 },
          ],
        },
        retry_policy: retry({ retry_on: '5xx' }),
      }),
      {
        ...route('few', { cluster: 'one', retry_policy: retry({ retry_on: '5xx' }) }),
        typed_per_filter_config: {
          'envoy.filters.http.local_ratelimit': localRateLimit(4),
        },
      },
      route('once', { cluster: 'one', timeout: '0.3s' }),
    ],
  }),
  backendCluster('one', BACKENDS[0]),
  backendCluster('two', BACKENDS[1]),
  backendCluster('both', ...BACKENDS),
]

interface Told {
  readonly answers: readonly (readonly [status: number, body: string])[]
  readonly how: 'done' | 'error' | 'close' | 'timeout'
}

interface Try {
  readonly address: string
  /** x-envoy-attempt-count */
  readonly count: string | null
  readonly agent: string | null
}

const folder = mkdtempSync(join(tmpdir(), 'kmt-again-'))
const clients = makeCgroup('kmt-again-clients')
const servers = makeCgroup('kmt-again-servers')
undoAtExit(() => {
  detachIfThere(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})
writeFileSync(join(folder, 'snapshot.json'), JSON.stringify(snapshot))
run([...command('kmeshc'), 'compile', join(folder, 'snapshot.json'), '-o', join(folder, 'artifact.tar')])
run([...command('kmesh-runtime'), 'apply', join(folder, 'artifact.tar'), '--instance', INSTANCE, '--cgroup', clients.path])
const server = start([process.execPath, '-e', SERVER], { cgroup: servers.path }, ['ignore', 'pipe', 'inherit'])
await new Promise((resolve) => server.stdout?.once('data', resolve))
const client = start([process.execPath, '-e', CLIENT], { cgroup: clients.path }, ['pipe', 'pipe', 'inherit'])
undoAtExit(() => {
  server.kill('SIGKILL')
  client.kill('SIGKILL')
})
const lines = createInterface({ input: client.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()

async function tell(text: string, count: number, connection: 'same' | 'fresh' = 'same'): Promise<Told> {
  client.stdin?.write(`${JSON.stringify({ text, count, fresh: connection === 'fresh' })}\n`)
  return JSON.parse((await lines.next()).value as string) as Told
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\nUser-Agent: kept\r\n\r\n`
const post = (path: string, body: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`

function triesOf(key: string): Promise<readonly Try[]> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: BACKENDS[0], port: CONTROL, path: `/${key}` }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      answer.once('end', () => resolve(JSON.parse(text) as readonly Try[]))
    })
    request.once('error', reject).end()
  })
}

let number = 0
const fresh = (): string => `k${number++}`

/** The pools have connections, and the client is the kernel's again. */
async function warmUp(): Promise<void> {
  await tell(get(`/codes/well/${fresh()}`), 1, 'fresh')
  for (const one of ['other', 'split', 'split', 'split', 'codes', 'codes']) await tell(get(`/${one}/well/${fresh()}`), 1)
  await new Promise((resolve) => setTimeout(resolve, 300))
  for (const one of ['other', 'split', 'codes', 'five', 'once']) await tell(get(`/${one}/well/${fresh()}`), 1)
}

const WELL = (tries: number): readonly [number, string] => [200, `${tries} ${BACKENDS[0]} `]
const TIMEOUT = 'upstream request timeout'

for (const where of ['this node', 'another node'] as const) {
  const begin = (): Promise<Serving> => startServing(INSTANCE, { observe: where === 'this node' ? [servers.path] : [] })

  test(`servers on ${where}: statuses, losses and delays are tried again, others are not; each is the kernel's to begin with`, async () => {
    const serving = await begin()
    await warmUp()
    const slow = openSlowCounter(INSTANCE)
    const before = slow.read()
    const wrong: unknown[] = []
    const cases: readonly (readonly [route: string, manner: string, answer: readonly [number, string], tries: number])[] = [
      ['codes', 'second', WELL(2), 2],
      ['codes', 'well', WELL(1), 1],
      ['codes', 'never', [503, 'no 3'], 3],
      ['codes', 'long', WELL(2), 2],
      ['codes', 'closing', WELL(2), 2],
      ['codes', 'chunked', WELL(2), 2],
      ['codes', 'pieces', WELL(2), 2],
      ['codes', 'conflict', [409, 'conflict'], 1],
      ['five', 'second', WELL(2), 2],
      ['five', 'conflict', [409, 'conflict'], 1],
      ['five', 'lost', WELL(2), 2],
      ['five', 'late', WELL(2), 2],
      ['five', 'silent', [504, TIMEOUT], 3],
      ['five', 'never', [503, 'no 3'], 3],
      ['once', 'never', [503, 'no 1'], 1],
      ['once', 'silent', [504, TIMEOUT], 1],
    ]
    for (const [to, manner, answer, tries] of [...cases, ...cases]) {
      const key = fresh()
      const told = await tell(get(`/${to}/${manner}/${key}`), 1)
      const seen = await triesOf(key)
      const counted = seen.every(({ count, agent }, at) => agent === 'kept' && count === (at === 0 ? count : String(at + 1)))
      if (JSON.stringify(told) !== JSON.stringify({ answers: [answer], how: 'done' }) || seen.length !== tries || !counted)
        wrong.push({ to, manner, told: JSON.stringify(told).slice(0, 300), seen })
    }
    const fallen = slow.read() - before
    slow.close()
    serving.end()
    assert.equal(wrong, [])
    // connections that were lost are not there for the next
    assert.ok(fallen <= 16, `${fallen} requests were decided in user space from the beginning`)
  })

  test(`servers on ${where}: answers keep the order of pipelined requests, and each request is tried as often as its own route says`, async () => {
    const serving = await begin()
    await warmUp()
    for (let round = 0; round < 5; round++) {
      const keys = [fresh(), fresh(), fresh(), fresh()] as const
      const text = `${get(`/codes/second/${keys[0]}`)}${get(`/codes/well/${keys[1]}`)}${get(`/codes/never/${keys[2]}`)}${get(`/five/second/${keys[3]}`)}`
      const told = await tell(text, 4)
      assert.equal(told, { answers: [WELL(2), WELL(1), [503, 'no 3'], WELL(2)], how: 'done' })
      assert.equal(await Promise.all(keys.map(async (key) => (await triesOf(key)).length)), [2, 1, 3, 2])
    }
    serving.end()
  })

  test(`servers on ${where}: what was decided is not decided again: body, cluster, token; another endpoint where the policy says so`, async () => {
    const serving = await begin()
    await warmUp()
    for (const size of [1, 300, 511, 512, 513, 1000, 2000, 3900]) {
      const body = 'abcdefghijk'.repeat(400).slice(0, size)
      const told = await tell(post(`/codes/second/${fresh()}`, body), 1)
      assert.equal(told, { answers: [[200, `2 ${BACKENDS[0]} ${body}`]], how: 'done' })
    }
    const clusters = new Set<string>()
    for (let round = 0; round < 20; round++) {
      const key = fresh()
      assert.is((await tell(get(`/split/second/${key}`), 1)).answers[0]?.[0], 200)
      const tries = await triesOf(key)
      assert.equal([...new Set(tries.map(({ address }) => address))].length, 1, JSON.stringify(tries))
      clusters.add(tries[0]?.address as string)
    }
    assert.is(clusters.size, 2)
    for (let round = 0; round < 10; round++) {
      const key = fresh()
      assert.is((await tell(get(`/other/second/${key}`), 1)).answers[0]?.[0], 200)
      assert.is(new Set((await triesOf(key)).map(({ address }) => address)).size, 2)
    }
    serving.end()
  })

  test(`servers on ${where}: while no node process serves, losses are told and other answers wait for the next; what it dies with is reset`, async () => {
    let serving = await begin()
    await warmUp()
    const during = tell(get(`/codes/slowly/${fresh()}`), 1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    process.kill(serving.pid, 'SIGKILL')
    await serving.ended
    const cut = await during
    assert.equal(cut.answers, [])
    assert.ok(cut.how === 'error' || cut.how === 'close', cut.how)
    const lost = await tell(get(`/five/well/${fresh()}`), 1, 'fresh')
    assert.equal(lost, { answers: [WELL(1)], how: 'done' })
    const told = await tell(get(`/five/gone/${fresh()}`), 1)
    assert.is(told.answers[0]?.[0], 503)
    const waits = tell(get(`/codes/second/${fresh()}`), 1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    serving = await begin()
    assert.equal(await waits, { answers: [WELL(2)], how: 'done' })
    serving.end()
  })
}

test('a request that is tried again takes one token', async () => {
  const serving = await startServing(INSTANCE, { observe: [servers.path] })
  await warmUp()
  const statuses: (number | undefined)[] = []
  for (let round = 0; round < 6; round++) statuses.push((await tell(get(`/few/second/${fresh()}`), 1)).answers[0]?.[0])
  assert.equal(statuses, [200, 200, 200, 200, 429, 429])
  serving.end()
})

test.after(() => {
  server.kill('SIGKILL')
  client.kill('SIGKILL')
})

test.run()
