import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codes } from './codes.ts'

test('every code is complete, in its range, and in ascending order', () => {
  const names = Object.keys(codes)
  for (const [name, entry] of Object.entries(codes)) {
    assert.match(name, /^KM(1[0-9]|2[01]|9[0-6])\d\d$/)
    assert.match(entry.severity, /^(error|warning)$/, name)
    assert.not(/\.$/.test(entry.title), `${name}: a title is no sentence`)
    assert.match(entry.explanation, /\.$/, `${name}: explanation`)
    assert.match(entry.fix, /\.$/, `${name}: fix`)
  }
  const compiler = names.filter((name) => name < 'KM9')
  assert.equal(compiler, [...compiler].sort())
})

test.run()
