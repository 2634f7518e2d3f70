import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readHead } from './head-guard.ts'

const LIMITS = { chunkedLength: false, headerLimit: 100 }
const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const body = (...lines: string[]): unknown => {
  const read = readHead(head('POST / HTTP/1.1', 'Host: a', ...lines), LIMITS)
  return 'kind' in read ? read.status : read.body
}

test('a plain head', () => {
  assert.equal(readHead(head('GET /a?b HTTP/1.1', 'Host:a', 'X-Y: \t v w \t', 'x-y:'), LIMITS), {
    method: 'GET',
    target: '/a?b',
    version: '1.1',
    headers: [
      ['host', 'a'],
      ['x-y', 'v w'],
      ['x-y', ''],
    ],
    body: { kind: 'none' },
    length: 49,
  })
})

test('how a body is framed', () => {
  assert.equal(body(), { kind: 'none' })
  assert.equal(body('Content-Length: 0'), { kind: 'none' })
  assert.equal(body('Content-Length: 12'), { kind: 'length', length: 12 })
  assert.equal(body('Transfer-Encoding: Chunked'), { kind: 'chunked' })
})

test('what two parsers could read differently is refused', () => {
  for (const lines of [
    ['Content-Length: 1', 'Content-Length: 1'],
    ['Content-Length: +1'],
    ['Content-Length: 1, 1'],
    ['Content-Length: 0x1'],
    ['Content-Length: '],
    ['Content-Length: 9007199254740993000'],
    ['Content-Length: 1', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding : chunked'],
    [' X: y'],
    ['X: a\rb'],
    ['X: a\nb'],
    ['X: a\0b'],
    ['X\u00e4: b'],
    [': b'],
    ['NoColon'],
  ])
    assert.is(body(...lines), 400, lines.join(' | '))
  assert.is(body('Transfer-Encoding: gzip, chunked'), 501)
})

test('request lines', () => {
  const first = (line: string): unknown => {
    const read = readHead(head(line, 'Host: a'), LIMITS)
    return 'kind' in read ? read.status : 'taken'
  }
  assert.is(first('GET / HTTP/1.1'), 'taken')
  assert.is(first('GET / HTTP/1.0'), 'taken')
  assert.is(first('GET / HTTP/2.0'), 426)
  for (const line of [
    'GET  / HTTP/1.1',
    'GET / HTTP/1.1 ',
    'GET\t/\tHTTP/1.1',
    'GET /a b HTTP/1.1',
    'G(T / HTTP/1.1',
    'GET / http/1.1',
    'GET /\u00e4 HTTP/1.1',
  ])
    assert.is(first(line), 400, line)
})

test('too many headers', () => {
  const read = readHead(head('GET / HTTP/1.1', 'Host: a', 'X: y'), { ...LIMITS, headerLimit: 1 })
  assert.is('kind' in read ? read.status : 0, 431)
})

test.run()
