import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createMessageReader, type NextHead } from './message-reader.ts'

const LIMITS = { headLimit: 1000, headerLimit: 10, chunkedLength: false }
const REQUEST = 'GET /a HTTP/1.1\r\nHost: a.example\r\nX-A: b\r\n\r\n'

/** What becomes of a head that comes in these pieces. */
async function read(pieces: readonly string[]): Promise<NextHead> {
  const stream = new PassThrough()
  const next = createMessageReader(stream as unknown as Socket).next(LIMITS)
  for (const piece of pieces) {
    stream.write(Buffer.from(piece, 'latin1'))
    await new Promise((resolve) => setImmediate(resolve))
  }
  stream.end()
  return next
}

test('a head is read however it is cut', async () => {
  assert.is((await read([REQUEST])).kind, 'head')
  assert.is((await read([...REQUEST])).kind, 'head')
  for (let cut = 1; cut < REQUEST.length; cut++)
    assert.is((await read([REQUEST.slice(0, cut), REQUEST.slice(cut)])).kind, 'head', `cut at ${cut}`)
})

test('bytes that somebody else has read come first, and what is behind them is the next request', async () => {
  const stream = new PassThrough()
  const reader = createMessageReader(
    stream as unknown as Socket,
    Buffer.from(`POST /kept HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc${REQUEST.slice(0, 9)}`),
  )
  const kept = await reader.next(LIMITS)
  assert.is(kept.kind === 'head' && kept.head.target, '/kept')
  assert.is(String(await reader.body()), 'abc')
  stream.end(Buffer.from(REQUEST.slice(9)))
  const next = await reader.next(LIMITS)
  assert.is(next.kind === 'head' && next.head.target, '/a')
})

for (const [what, text] of [
  ['a bare LF', 'GET /a HTTP/1.1\r\nHost: a\nX'],
  ['a bare CR', 'GET /a HTTP/1.1\r\nHost: a\rX'],
  ['NUL', 'GET /a HTTP/1.1\r\nHost: a\0X'],
  ['a LF in front', '\nGET'],
] as const) {
  test(`${what} is refused before the head is whole, however it is cut`, async () => {
    for (let cut = 0; cut < text.length; cut++)
      assert.equal(await read([text.slice(0, cut), text.slice(cut)]), { kind: 'refused', status: 400, why: 'bare CR, LF or NUL' }, `${cut}`)
  })
}

test.run()
