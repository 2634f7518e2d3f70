import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readRequestText } from './command-request.ts'

test('a URL, with or without method', () => {
  assert.equal(readRequestText('GET http://a:9080/api?x=1', ['End-User: jason']), {
    ...{ method: 'GET', authority: 'a:9080', path: '/api?x=1', headers: [['End-User', 'jason']], scheme: 'http' },
  })
  assert.equal(readRequestText('HTTPS://[::1]', []), { method: 'GET', authority: '[::1]', path: '/', headers: [], scheme: 'https' })
  assert.equal(readRequestText('POST http://a?q', []), { method: 'POST', authority: 'a', path: '/?q', headers: [], scheme: 'http' })
})

test('a path with a Host header, which also wins over the URL', () => {
  assert.equal(readRequestText('DELETE /x', ['host: b']), { method: 'DELETE', authority: 'b', path: '/x', headers: [] })
  assert.is((readRequestText('http://a/', ['Host: b']) as { authority: string }).authority, 'b')
})

test('what is none is told', () => {
  for (const [text, headers] of [
    ['', []],
    ['GET', []],
    ['GET a b', []],
    ['/', ['no colon']],
    ['/', [': v']],
  ] as const)
    assert.ok('error' in readRequestText(text, headers), text)
})

test.run()
