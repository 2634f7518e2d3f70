import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { departedOwner } from '../../proto/watching.ts'
import { boundOf, OWNER_LABELS } from './bound.ts'

test('rows below a power of two have names of their own; the row alone decides', () => {
  const bound = boundOf(OWNER_LABELS, 1000)
  assert.is(bound.of('cluster', 511, 'known'), 'named')
  assert.is(bound.of('cluster', 512, 'known'), 'other')
  assert.is(bound.of('cluster', 512, 'unknown'), 'other')
  assert.is(bound.of('cluster', 511, 'unknown'), 'departed')
  assert.is(boundOf(OWNER_LABELS, 512).of('cluster', 512, 'known'), 'other')
  assert.is(boundOf(OWNER_LABELS, 0).of('listener', 1, 'known'), 'other')
  assert.is(boundOf(OWNER_LABELS, 2).of('listener', 1, 'known'), 'named')
  assert.is(boundOf(['cluster'], 1000).of('endpoint', 1, 'known'), 'other')
})

test('what a row had counted stays where its owner was summed', () => {
  const bound = boundOf(OWNER_LABELS, 1000)
  const shown = (id: number): string | undefined => bound.gone.find(({ owner }) => owner === departedOwner('endpoint', id))?.shown
  for (const id of [1, 2, 511]) assert.is(shown(id), 'departed')
  for (const id of [512, 513, 100_000, 2 ** 23 - 1]) assert.is(shown(id), 'other')
})

test.run()
