/**
 * Clients that do not read get every answer whole and in order, whichever way it comes. What a worker of the kernel has for a client whose queue is full waits until the client reads, and nothing
 * that is said later may be there before: answers of the kernel itself, of user space, long ones, edited ones, the end of the connection.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { start } from '../kit/process.ts'
import { python } from '../kit/python.ts'
import { SERVICES } from './resources.ts'
import { makeSoakWorld, type SoakWorld } from './world.ts'

interface Request {
  readonly method?: string
  readonly path: string
  readonly lines?: readonly string[]
  readonly body?: string
  /** bytes of a body that are not written out here */
  readonly upload?: number
  /** seconds behind it */
  readonly pause?: number
}

/** In one line, so that a difference can be read. */
const shown = (said: readonly Said[]): readonly string[] => said.map((one) => JSON.stringify(one))

type Said =
  | { readonly status: number; readonly path: string | null; readonly length: number; readonly whole: boolean }
  | { readonly end: string }

const CLIENT = new URL('unread_client.py', import.meta.url).pathname
/** More than a receive buffer holds. */
const MANY = 24
const filling = (from = 0): readonly Request[] =>
  Array.from({ length: MANY }, (_, at) => ({ path: `/length/30000/t${from + at}`, pause: at === MANY - 1 ? 0.04 : 0.01 }))
/** Taken by the kernel for a client that waits for its answers, and never before: one of each way. */
const LAST: Readonly<Record<string, Request>> = {
  'an answer of the kernel': { path: '/deny/0/last' },
  'an answer of user space': { path: '/length/40/last', lines: ['Content-Length: 3', 'Expect: 100-continue'], body: 'abc' },
  'a request in chunks': { method: 'POST', path: '/length/40/last', lines: ['Transfer-Encoding: chunked'], body: '3\r\nabc\r\n0\r\n\r\n' },
  'a long answer': { path: '/length/700000/last' },
  'an answer in pieces': { path: '/pieces/4000/last' },
  'an answer in chunks': { path: '/chunked/90000/last' },
  'an answer with another head': { path: '/labelled/length/300/last' },
  'an interim answer': { path: '/hints/40/last' },
  'an upload that is larger than what is read ahead': {
    method: 'POST',
    path: '/length/40/last',
    lines: ['Content-Length: 6000000'],
    upload: 6_000_000,
  },
}

let world: SoakWorld

interface Manner {
  readonly last?: 'read' | 'half' | 'end'
  readonly reads?: 'each' | 'last'
}

async function ask(
  name: 'node' | 'other',
  requests: readonly Request[],
  { last = 'read', reads = 'last' }: Manner = {},
): Promise<readonly Said[]> {
  const service = SERVICES.find((one) => one.name === name) as (typeof SERVICES)[number]
  const child = start([python(), CLIENT], world.places[0] as SoakWorld['places'][number], ['pipe', 'pipe', 'inherit'])
  child.stdin?.end(`${JSON.stringify({ address: service.address, port: service.port, requests, last, each: reads === 'each' })}\n`)
  let text = ''
  for await (const piece of child.stdout ?? []) text += piece
  return JSON.parse(text) as readonly Said[]
}

function expected({ method, path }: Request): Said {
  const [kind, size] = path.split('/').slice(-3) as [string, string, string]
  if (kind === 'deny') return { status: 403, path: null, length: 6, whole: false }
  return { status: 200, path, length: method === 'HEAD' ? 0 : Number(size), whole: method !== 'HEAD' }
}

test.before(async () => {
  world = await makeSoakWorld(`kmc5-unread-${process.pid}`)
})

for (const name of ['other', 'node'] as const) {
  for (const [what, last] of Object.entries(LAST)) {
    test(`${what} behind many that are not read (${name})`, async () => {
      const requests = [...filling(), last, ...filling(100).slice(0, 3), { path: '/deny/0/end' }]
      assert.equal(shown(await ask(name, requests)), shown(requests.map(expected)))
    })
  }

  test(`uploads of a client that reads (${name})`, async () => {
    const upload = { method: 'POST', path: '/length/40/up', lines: ['Content-Length: 6000000'], upload: 6_000_000, pause: 0 }
    for (let turn = 0; turn < 3; turn++) {
      const requests = [{ path: '/length/30000/first' }, upload, { path: '/length/30000/second' }, upload]
      assert.equal(shown(await ask(name, requests, { reads: 'each' })), shown(requests.map(expected)))
    }
  })

  test(`the last answer and the end of the connection (${name})`, async () => {
    const requests = [...filling(), { path: '/length/30000/end', lines: ['Connection: close'], pause: 0.4 }]
    assert.equal(shown(await ask(name, requests, { last: 'end' })), shown([...requests.map(expected), { end: 'the connection ended' }]))
  })

  test(`the end of a client that has said that it sends no more (${name})`, async () => {
    const requests = filling()
    assert.equal(shown(await ask(name, requests, { last: 'half' })), shown([...requests.map(expected), { end: 'the connection ended' }]))
  })
}

test('nothing stays taken', async () => {
  assert.equal(await world.settled(), [])
})

test.after(() => world.end())
test.run()
