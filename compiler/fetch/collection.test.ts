import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Collection, type Held } from './collection.ts'
import type { References } from './references.ts'

const held = (key: string, references: Partial<References> = {}): Held => ({
  key,
  json: { name: key },
  version: '1',
  references: { eds: [], rds: [], ecds: [], srds: 'none', elsewhere: [], ...references },
})
const part = (...resources: readonly Held[]) => ({ extent: 'part', resources, removed: [] }) as const
const whole = (...resources: readonly Held[]) => ({ extent: 'whole', resources, removed: [] }) as const
const subscribed = (collection: Collection): readonly (readonly [string, string])[] =>
  collection.subscriptions().map(([kind, wanted]) => [kind, wanted === 'all' ? '*' : [...wanted].join(' ')])

test('one kind after the other, in the order of Envoy', () => {
  const collection = new Collection()
  assert.equal(subscribed(collection), [['cds', '*']])
  collection.accept('cds', whole(held('a', { eds: ['ea'] }), held('b', { eds: ['eb'] })))
  assert.equal(subscribed(collection), [
    ['cds', '*'],
    ['eds', 'ea eb'],
  ])
  assert.is(collection.accept('eds', part(held('ea'))), 2, 'an answer of the kind, and a name')
  assert.equal(subscribed(collection).length, 2, 'eb is awaited')
  collection.accept('eds', part(held('eb')))
  collection.accept('lds', whole(held('l', { rds: ['r'] })))
  assert.equal(subscribed(collection).slice(2), [
    ['lds', '*'],
    ['rds', 'r'],
  ])
  assert.not.ok(collection.complete)
  collection.accept('rds', part(held('r')))
  assert.ok(collection.complete)
  assert.equal(collection.missing(), [])
})

test('what nobody refers to is not kept; what somebody refers to later is awaited again', () => {
  const collection = new Collection()
  collection.accept('cds', whole(held('a', { eds: ['ea'] })))
  collection.accept('eds', part(held('ea'), held('stranger')))
  assert.equal(
    collection.held('eds').map(({ key }) => key),
    ['ea'],
  )
  collection.accept('lds', whole())
  assert.ok(collection.complete)
  collection.accept('cds', whole(held('b', { eds: ['eb'] })))
  assert.not.ok(collection.complete)
  assert.equal(collection.held('eds'), [])
  assert.equal(
    subscribed(collection).map(([, names]) => names),
    ['*', 'eb', '*'],
  )
})

test('giving up goes on to the next kind, and says what never came', () => {
  const collection = new Collection()
  collection.accept('cds', whole(held('a', { eds: ['y', 'x'] })))
  collection.accept('eds', { extent: 'part', resources: [], removed: ['y'] })
  collection.giveUp()
  assert.equal(
    subscribed(collection).map(([kind]) => kind),
    ['cds', 'eds', 'lds'],
  )
  collection.giveUp()
  assert.ok(collection.complete)
  assert.equal(collection.missing(), [
    { kind: 'eds', name: 'x', why: 'unanswered' },
    { kind: 'eds', name: 'y', why: 'removed' },
    { kind: 'lds', name: '', why: 'unanswered' },
  ])
  collection.accept('eds', part(held('x'), held('y')))
  assert.equal(
    collection.missing().map(({ kind }) => kind),
    ['lds'],
    'late is not never',
  )
})

test('scopes and their routes', () => {
  const collection = new Collection()
  collection.accept('cds', whole())
  collection.accept('lds', whole(held('l', { srds: 'all' })))
  assert.equal(subscribed(collection).slice(2), [['srds', '*']])
  collection.accept('srds', whole(held('s', { rds: ['r'] })))
  assert.equal(subscribed(collection).slice(3), [['rds', 'r']])
})

test.run()
