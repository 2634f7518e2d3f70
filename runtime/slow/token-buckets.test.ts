import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTokenBuckets } from './token-buckets.ts'

test('a bucket starts full, is filled with time and never runs over', () => {
  let now = 0
  const take = createTokenBuckets(() => now)
  const owner = {}
  const bucket = { maxTokens: 2, tokensPerFill: 1, fillInterval: 100 }
  const taken = (): boolean => take(owner, bucket)
  assert.equal([taken(), taken(), taken()], [true, true, false])
  now = 99
  assert.not.ok(taken())
  now = 101
  assert.equal([taken(), taken()], [true, false])
  now = 10_000
  assert.equal([taken(), taken(), taken()], [true, true, false])
  assert.ok(take({}, bucket), 'another owner has another bucket')
})

test.run()
