import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createUndo } from './undo.ts'

test('runs everything, last first, also behind one that fails', () => {
  const ran: string[] = []
  const undo = createUndo()
  undo.add('first', () => ran.push('first'))
  undo.add('bad', () => {
    throw new Error('cannot')
  })
  undo.add('last', () => ran.push('last'))
  assert.equal(undo.run(), ['bad: cannot'])
  assert.equal(ran, ['last', 'first'])
  assert.equal(undo.run(), [], 'once')
})

test('what is forgotten is not undone', () => {
  const undo = createUndo()
  undo.add('kept', () => {
    throw new Error('undone')
  })
  undo.forget()
  assert.equal(undo.run(), [])
})

test('a failure right after something was made still undoes it', () => {
  let there = 1
  const undo = createUndo((what) => {
    throw new Error(what)
  })
  assert.throws(
    () =>
      undo.add('thing', () => {
        there = 0
      }),
    'thing',
  )
  undo.run()
  assert.is(there, 0)
})

test.run()
