import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createZipper, cut } from './pieces.ts'

/** Bytes that look random, the same on every run, a few hundred kilobytes. */
const BYTES = Buffer.concat(Array.from({ length: 12_000 }, (_, index) => createHash('sha256').update(String(index)).digest()))
const lengths = (bytes: Uint8Array): readonly number[] => cut(bytes).map(({ length }) => length)

test('cuts depend on the bytes alone, wherever in memory they are, and on no end of a word', () => {
  const expected = lengths(BYTES)
  assert.ok(expected.length > 3, `${expected.length} pieces`)
  for (const shift of [1, 2, 3, 4, 6]) {
    const moved = new Uint8Array(BYTES.length + shift)
    moved.set(BYTES, shift)
    assert.equal(lengths(moved.subarray(shift)), expected, `${shift} bytes in`)
  }
  assert.equal(lengths(BYTES.subarray(0, BYTES.length - 3)).slice(0, -1), expected.slice(0, -1))
})

test('what is moved by whole units is cut in the same places, and zipped as before', async () => {
  const moved = Buffer.concat([Buffer.alloc(64, 7), BYTES])
  const [before, after] = [lengths(BYTES), lengths(moved)]
  assert.equal(after.slice(-3), before.slice(-3))
  const zipper = createZipper()
  await zipper.zip(BYTES)
  const again = await zipper.zip(moved)
  assert.ok(again.equals(await createZipper().zip(moved)))
  assert.ok(gunzipSync(again).equals(moved))
})

test.run()
