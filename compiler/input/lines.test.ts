import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createLines } from './lines.ts'

const lines = (text: string) => createLines(Buffer.from(text))

test('lines and columns from 1, by byte and by character', () => {
  const at = lines('ab\ncd\r\n\nü🙂x')
  assert.equal(at.byte(0), { line: 1, column: 1 })
  assert.equal(at.byte(3), { line: 2, column: 1 })
  assert.equal(at.byte(7), { line: 3, column: 1 })
  assert.equal(at.byte(8 + 2 + 4), { line: 4, column: 3 }, 'columns count characters, not bytes')
  assert.equal(at.character(8 + 1 + 2), { line: 4, column: 3 })
  assert.equal(at.byte(10_000), { line: 4, column: 4 }, 'the end is the end')
})

test('a byte order mark is no column', () => {
  const at = createLines(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('é x\ny')]))
  assert.equal(at.byte(3), { line: 1, column: 1 })
  assert.equal(at.character(4), { line: 2, column: 1 })
})

test('counts every line end of a long text, at any alignment', () => {
  const text = Array.from({ length: 60_000 }, (_, index) => '\u000b'.repeat(index % 7)).join('\n')
  for (const shift of [0, 1, 2, 3]) {
    const bytes = new Uint8Array(new ArrayBuffer(text.length + shift), shift, text.length)
    bytes.set(Buffer.from(text))
    const at = createLines(bytes)
    for (const offset of [text.length, 65_536, 65_537, 100_001, 7])
      assert.is(at.byte(offset).line, text.slice(0, offset).split('\n').length)
  }
})

test('many places in one long line cost one pass over it, and are the same as in a short one', () => {
  const text = `${'é'.repeat(9_000)}\n${'ü🙂x'.repeat(400_000)}`
  const at = lines(text)
  const began = performance.now()
  for (let index = 0; index < 20_000; index++) {
    const offset = 18_001 + 7 * 19 * index
    assert.equal(at.byte(offset), { line: 2, column: 1 + 3 * 19 * index })
  }
  assert.ok(performance.now() - began < 10_000, 'a pass for each place would take minutes')
  assert.equal(at.byte(16_384), { line: 1, column: 8_193 }, 'also behind the place that was asked for first')
})

test.run()
