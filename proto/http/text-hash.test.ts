import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hashPrefixes, hashText, HASH_FACTOR, HASH_SEED, LONGEST_NAME, mixWord } from './text-hash.ts'

test('a word is mixed as the header says', () => {
  const x = BigInt.asUintN(64, (HASH_SEED ^ 0x6261n) * HASH_FACTOR)
  assert.is(hashText('ab'), x ^ (x >> 32n))
  assert.is(hashText('abcdefgh'), mixWord(mixWord(HASH_SEED, 0x6867666564636261n), 0n))
  assert.is(hashText(''), mixWord(HASH_SEED, 0n))
})

test('prefixes have the hashes that they have as texts', () => {
  const text = '/api/v1/some/long/path/with/segments/\u00e9\u00ff'
  const lengths = Array.from({ length: text.length + 1 }, (_, length) => length)
  assert.equal(
    hashPrefixes(text, lengths),
    lengths.map((length) => hashText(text.slice(0, length))),
  )
  assert.is(new Set(hashPrefixes(text, lengths)).size, lengths.length)
})

test('what is too long has none', () => {
  assert.ok(hashText('a'.repeat(LONGEST_NAME)) !== undefined)
  assert.is(hashText('a'.repeat(LONGEST_NAME + 1)), undefined)
})

test.run()
