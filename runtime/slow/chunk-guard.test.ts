import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChunkStep, createChunkGuard } from './chunk-guard.ts'

/** the outcome when the text comes in pieces of `size` */
function outcome(text: string, size: number): ChunkStep | { readonly kind: 'end'; readonly at: number } {
  const guard = createChunkGuard()
  const bytes = Buffer.from(text, 'latin1')
  for (let from = 0; from < bytes.length; from += size) {
    const step = guard.push(bytes.subarray(from, from + size))
    if (step.kind === 'end') return { kind: 'end', at: from + step.at }
    if (step.kind === 'refused') return step
  }
  return { kind: 'more' }
}

test('a body ends at its last byte, however it is cut', () => {
  for (const [text, rest] of [
    ['5\r\nabcde\r\n0\r\n\r\n', 'GET /'],
    ['1;x=y\r\na\r\n0000\r\nx-t: v\r\ny: z\r\n\r\n', '\r\n'],
    ['A\r\n0123456789\r\n0\r\n\r\n', ''],
  ] as const)
    for (let size = 1; size <= text.length + rest.length; size++)
      assert.equal(outcome(text + rest, size), { kind: 'end', at: text.length }, `${text} by ${size}`)
})

test('any size is one, whatever it spells', () => {
  const text = `bad\r\n${'x'.repeat(0xbad)}\r\nFACE\r\n${'x'.repeat(0xface)}\r\n0\r\n\r\n`
  for (const size of [1, 1000, text.length]) assert.equal(outcome(text, size), { kind: 'end', at: text.length })
})

test('what is not chunked is refused', () => {
  for (const text of [
    '5\nabcde\r\n',
    '\r\n',
    '0x5\r\n',
    '-5\r\n',
    ' 5\r\n',
    '5 \r\n',
    '5;"\r\n',
    '10000000000000005\r\n',
    '5\r\nabcdefg\r\n',
    '0\r\nnonsense\r\n\r\n',
    '0\r\nx: y\n\r\n',
    '5;\n',
  ])
    for (const size of [1, 100]) assert.is(outcome(text, size).kind, 'refused', `${JSON.stringify(text)} by ${size}`)
})

test('endless lines are refused', () => {
  assert.is(outcome(`5;${'a'.repeat(5000)}`, 1000).kind, 'refused')
  assert.is(outcome(`0\r\n${'x: y\r\n'.repeat(3000)}`, 1000).kind, 'refused')
})

test.run()
