/**
 * Response headers that routes change, by all who may have to: km_reply_local for servers on this node, the holder for others, Node where the head of an answer comes in pieces. Each answer is
 * held against compiler/action/header-mutations.ts.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mutateHeaders } from '../../compiler/action/header-mutations.ts'
import type { FormatContext } from '../../compiler/action/format.ts'
import { readTemplate } from '../../compiler/action/template.ts'
import type { HeaderAddition } from '../../compiler/http/model.ts'
import { type HeaderPair, Headers } from '../../compiler/http/request.ts'
import { command, detachIfThere, ROOT } from '../../scripts/commands.ts'
import { openSlowCounter } from '../../scripts/judging/lanes.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { backendCluster, httpListener } from '../../scripts/kit/http-resources.ts'
import { run, start } from '../../scripts/kit/process.ts'
import { startServing } from '../../scripts/kit/serving.ts'
import { seeded } from '../../scripts/probes/random.ts'
import type { RawAnswer } from '../../scripts/routing/raw-client.ts'

const INSTANCE = `kmb-edits-${process.pid}`
const SERVICE = '127.62.0.1'
const BACKEND = '127.62.0.2'
const ROUTES = 30
const VARIANTS = ['whole', 'bare', 'chunked', 'split', 'lost', 'long', 'many'] as const
type Variant = (typeof VARIANTS)[number]
const NAMES = ['x-a', 'X-B', 'x-header-with-a-name-of-more-than-thirty-two-characters', 'set-cookie'] as const

/** What the server says, but for what frames it. */
const SAID: Readonly<Record<Variant, readonly HeaderPair[]>> = {
  whole: [
    ['X-A', 'one'],
    ['X-C', 'stays'],
    ['x-b', 'two'],
    ['x-a', 'three'],
  ],
  bare: [],
  chunked: [
    ['Set-Cookie', 'a=1'],
    ['X-Header-With-A-Name-Of-More-Than-Thirty-Two-Characters', 'long'],
    ['set-cookie', 'b=2'],
  ],
  split: [
    ['x-a', 'one'],
    ['X-B', 'two'],
    ['x-c', 'stays'],
  ],
  lost: [],
  long: [['X-b', 'two']],
  many: [...Array.from({ length: 7 }, (_, at): HeaderPair => ['X-A', String(at)]), ['x-ab', 'another'], ['x-', 'none']],
}
const STATUS: Readonly<Record<Variant, number>> = { whole: 200, bare: 404, chunked: 201, split: 200, lost: 503, long: 200, many: 500 }

const SERVER = `
const { said, status } = JSON.parse(process.argv[1])
require('node:net').createServer((socket) => {
  let text = ''
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    text += data
    const end = text.indexOf('\\r\\n\\r\\n')
    if (end < 0) return
    const kind = text.split(' ')[1].split('/')[2]
    text = ''
    if (kind === 'lost') return socket.destroy()
    const lines = said[kind].map(([name, value]) => name + ': ' + value + '\\r\\n')
    const head = 'HTTP/1.1 ' + status[kind] + ' Said\\r\\n' + lines.join('')
    if (kind === 'chunked') return socket.write(head + 'Transfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n0\\r\\n\\r\\n')
    if (kind === 'long') return socket.write(head + 'Content-Length: 600000\\r\\n\\r\\n' + 'z'.repeat(600000))
    const whole = head + 'Content-Length: 5\\r\\n\\r\\nhello'
    if (kind !== 'split') return socket.write(whole)
    socket.write(whole.slice(0, 24))
    setTimeout(() => socket.write(whole.slice(24)), 20)
  })
}).listen(8080, '${BACKEND}', () => process.stdout.write('ready'))
`

interface Mutations {
  readonly add: readonly { readonly name: string; readonly value: string; readonly action: HeaderAddition['action'] }[]
  readonly remove: readonly string[]
}

const random = seeded(5)
const routes: readonly Mutations[] = Array.from({ length: ROUTES }, () => ({
  add: Array.from({ length: random.whole(0, 3) }, () => ({
    name: random.one(NAMES),
    value: random.one(['v', 'code %RESPONSE_CODE%!', '%RESPONSE_CODE%', 'w'.repeat(80), '%%']),
    action: random.one(['append', 'add_if_absent', 'overwrite_or_add', 'overwrite_if_exists'] as const),
  })),
  remove: NAMES.filter(() => random.chance(0.25)),
}))

const ACTIONS = {
  append: 'APPEND_IF_EXISTS_OR_ADD',
  add_if_absent: 'ADD_IF_ABSENT',
  overwrite_or_add: 'OVERWRITE_IF_EXISTS_OR_ADD',
  overwrite_if_exists: 'OVERWRITE_IF_EXISTS',
} as const

const snapshot = [
  httpListener({
    name: 'edits',
    address: SERVICE,
    routes: routes.map(({ add, remove }, index) => ({
      match: { prefix: `/${index}/` },
      route: { cluster: 'c' },
      response_headers_to_remove: remove,
      response_headers_to_add: add.map(({ name, value, action }) => ({ header: { key: name, value }, append_action: ACTIONS[action] })),
    })),
  }),
  backendCluster('c', BACKEND),
]

function expected({ add, remove }: Mutations, variant: Variant): readonly string[] {
  const headers = new Headers('response')
  for (const [name, value] of SAID[variant]) headers.add(name.toLowerCase(), value)
  const additions = add.map(
    ({ name, value, action }): HeaderAddition => ({
      path: '',
      name: name.toLowerCase(),
      value: readTemplate(value),
      action,
      keepEmpty: false,
    }),
  )
  // of a format, nothing but the status is read
  const context = { responseCode: variant === 'lost' ? 0 : STATUS[variant] } as FormatContext
  mutateHeaders(
    headers,
    remove.map((name) => name.toLowerCase()),
    additions,
    context,
  )
  return textsOf(headers.all)
}

const OWN: ReadonlySet<string> = new Set([
  'content-length',
  'content-type',
  'date',
  'server',
  'transfer-encoding',
  'connection',
  'x-envoy-upstream-service-time',
])

/** Names may stand in any order, values of one name may not. */
function textsOf(pairs: readonly HeaderPair[]): readonly string[] {
  const names = [...new Set(pairs.map(([name]) => name))].filter((name) => !OWN.has(name)).sort()
  return names.map((name) => `${name}: ${pairs.flatMap(([one, value]) => (one === name ? [value] : [])).join('|')}`)
}

const folder = mkdtempSync(join(tmpdir(), 'kmb-edits-'))
const clients = makeCgroup('kmb-clients')
const servers = makeCgroup('kmb-servers')
undoAtExit(() => {
  detachIfThere(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})
writeFileSync(join(folder, 'snapshot.json'), JSON.stringify(snapshot))
run([...command('kmeshc'), 'compile', join(folder, 'snapshot.json'), '-o', join(folder, 'artifact.tar')])
run([...command('kmesh-runtime'), 'apply', join(folder, 'artifact.tar'), '--instance', INSTANCE, '--cgroup', clients.path])
const server = start([process.execPath, '-e', SERVER, JSON.stringify({ said: SAID, status: STATUS })], { cgroup: servers.path }, [
  'ignore',
  'pipe',
  'inherit',
])
undoAtExit(() => server.kill('SIGKILL'))
await new Promise((resolve) => server.stdout?.once('data', resolve))

for (const where of ['this node', 'another node'] as const) {
  test(`answers of servers on ${where} are edited as the interpreter says`, async () => {
    const serving = await startServing(INSTANCE, { observe: where === 'this node' ? [servers.path] : [] })
    const client = start(
      [process.execPath, '--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), join(ROOT, 'scripts/judging/http-client.ts')],
      { cgroup: clients.path },
      ['pipe', 'pipe', 'inherit'],
    )
    const lines = createInterface({ input: client.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
    const ask = async (paths: readonly string[]): Promise<readonly RawAnswer[]> => {
      const requests = paths.map((path) => ({ method: 'GET', authority: 'a', path, headers: [] }))
      client.stdin?.write(`${JSON.stringify({ host: SERVICE, port: 80, requests })}\n`)
      return JSON.parse((await lines.next()).value as string) as readonly RawAnswer[]
    }
    await ask(['/0/whole', '/0/whole'])
    const slow = openSlowCounter(INSTANCE)
    const before = slow.read()
    const wrong: unknown[] = []
    for (const [index, route] of routes.entries()) {
      const order = [...VARIANTS.slice(index % VARIANTS.length), ...VARIANTS.slice(0, index % VARIANTS.length)]
      const answers = await ask(order.map((variant) => `/${index}/${variant}`))
      for (const [at, variant] of order.entries()) {
        const { status, headers, body } = answers[at] as RawAnswer
        const got = textsOf(headers)
        const want = expected(route, variant)
        const bytes = variant === 'long' ? 600_000 : variant === 'lost' ? body.length : 5
        if (status !== STATUS[variant] || body.length !== bytes || got.join('\n') !== want.join('\n'))
          wrong.push({ index, variant, route, status, length: body.length, got, want })
      }
    }
    const fallen = slow.read() - before
    slow.close()
    client.kill('SIGKILL')
    serving.end()
    assert.equal(wrong.slice(0, 2), [], `${wrong.length} of ${ROUTES * VARIANTS.length}`)
    // two of the routes append to what may be there; the others met no empty pool but behind a connection that was lost
    assert.ok(fallen <= ROUTES + 2 * VARIANTS.length, `${fallen} requests were decided in user space`)
  })
}

test.after(() => {
  server.kill('SIGKILL')
})

test.run()
