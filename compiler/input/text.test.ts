import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toText } from './text.ts'

const code = (bytes: Uint8Array) => {
  const found = toText(bytes)
  return typeof found === 'string' ? found : found.code
}

test('text stays text', () => {
  assert.is(code(Buffer.from('{"a": "ü🙂"}')), '{"a": "ü🙂"}')
  assert.is(code(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('ü')])), 'ü')
})

test('names what is no text', () => {
  const tar = Buffer.alloc(512)
  tar.write('name', 0)
  tar.write('ustar', 257)
  assert.is(code(gzipSync('x')), 'KM1006')
  assert.is(code(tar), 'KM1006')
  assert.is(code(Buffer.from([0x0a, 0x05, 0x12, 0x03, 0x61])), 'KM1006')
  assert.is(code(Buffer.from('a\0b')), 'KM1006')
  assert.is(code(Buffer.from('\ufeff{}', 'utf16le')), 'KM1005')
})

test('places the first byte that is not UTF-8', () => {
  for (const before of ['', '{"a": "x', '{"é🙂": "'.repeat(50)]) {
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0x61, 0xff, 0x62]), Buffer.from(' and ü more')])
    const found = toText(bytes)
    assert.ok(typeof found !== 'string')
    assert.is(found.code, 'KM1005')
    assert.is(found.offset, Buffer.byteLength(before) + 1)
  }
})

test.run()
