/** Ten thousand connections at once over every lane, and slow readers of long answers from servers on this node and elsewhere: all are right, memory is bounded, nothing stays taken. */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { status } from '../../runtime/status.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { start } from '../kit/process.ts'
import { python } from '../kit/python.ts'
import { SERVICES } from './resources.ts'
import { takenRows } from './rows.ts'
import { makeSoakWorld, type SoakWorld } from './world.ts'

const NAME = `kmf-many-${process.pid}`
/** of each of the three: on this node, elsewhere, elsewhere over IPv6 from another namespace */
const SHARES = [
  { service: 'node', place: 0, connections: 3400 },
  { service: 'other', place: 0, connections: 3300 },
  { service: 'six', place: 1, connections: 3300 },
] as const
/** mostly the kernel's, some of them answered there; a part is user space's */
const PATHS = [
  '/length/20/',
  '/length/3000/',
  '/deny/0/',
  '/split/length/10/',
  '/length/700/',
  '/b/length/30/',
  '/length/1/',
  '/labelled/length/40/',
]
const READERS = 40
const LONG = 3_000_000
/** Bytes of TCP buffers for one slow reader: what the two sockets of each of its connections may hold. */
const HELD_EACH = 14 << 20

interface Said {
  readonly waiting?: true
  readonly ok?: number
  readonly wrong?: readonly string[]
}

let world: SoakWorld

/** Lines of many_clients.py, as they come. */
async function ask(service: string, place: number, command: object, heard: (said: Said) => void = () => undefined): Promise<Said> {
  const child = start([python(), new URL('./many_clients.py', import.meta.url).pathname], world.places[place] ?? {}, [
    'pipe',
    'pipe',
    'inherit',
  ])
  const end = undoAtExit(() => void child.kill('SIGKILL'))
  const { address, port } = SERVICES.find(({ name }) => name === service) ?? {}
  child.stdin?.end(`${JSON.stringify({ address, port, prefix: `${service}-`, ...command })}\n`)
  let last: Said = {}
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    last = JSON.parse(line) as Said
    heard(last)
  }
  end()
  return last
}

const tcpBytes = (): number => Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1] ?? 0) * 4096

test.before(async () => {
  world = await makeSoakWorld(NAME)
})

test('ten thousand connections at once, asked twice', async () => {
  let most = 0
  const counting = setInterval(() => {
    most = Math.max(most, takenRows(world.open).clients)
  }, 200)
  const all = await Promise.all(SHARES.map(({ service, place, connections }) => ask(service, place, { connections, paths: PATHS })))
  clearInterval(counting)
  assert.equal(
    all.flatMap(({ wrong }) => wrong ?? ['the client said nothing']),
    [],
  )
  const connections = SHARES.reduce((sum, share) => sum + share.connections, 0)
  assert.is(
    all.reduce((sum, { ok = 0 }) => sum + ok, 0),
    connections * 2,
  )
  assert.ok(most > connections * 0.9, `${most} at once`)
  const { http } = status(NAME)
  const kernel = http.services.flatMap(({ routes }) => routes).reduce((sum, { requests }) => sum + requests, 0)
  assert.ok(kernel > connections, `${kernel} requests were the kernel's`)
  assert.equal(await world.settled(), [])
})

for (const service of ['node', 'other'] as const) {
  test(`slow readers of ${LONG / 1e6} MB (${service})`, async () => {
    const before = tcpBytes()
    let held = 0
    const { ok, wrong } = await ask(service, 0, { readers: READERS, bytes: LONG }, ({ waiting }) => {
      if (waiting) held = tcpBytes() - before
    })
    assert.equal(wrong, [])
    assert.is(ok, READERS)
    assert.ok(held < READERS * HELD_EACH, `${held} bytes`)
    assert.equal(await world.settled(), [])
  })
}

test.after(() => world.end())
test.run()
