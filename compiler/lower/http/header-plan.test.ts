import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readTemplate } from '../../action/template.ts'
import type { HeaderAddition, HeaderMutations } from '../../http/model.ts'
import { createHeaderPlan, type HeaderPlan } from './header-plan.ts'
import { type Told, toldText } from './values.ts'

const add = (name: string, value: string, action: HeaderAddition['action'] = 'append', keepEmpty = false): HeaderAddition => ({
  path: '',
  name,
  value: readTemplate(value),
  action,
  keepEmpty,
})

const level = (requestAdd: readonly HeaderAddition[], requestRemove: readonly string[] = []): HeaderMutations => ({
  requestAdd,
  requestRemove,
  responseAdd: [],
  responseRemove: [],
})

/** "%X%" is a header that may be missing, everything else a text. */
function planOf(...levels: readonly HeaderMutations[]): HeaderPlan {
  const plan = createHeaderPlan('request', (name) => (name === 'te' ? 'te is refused' : ''))
  const tell = (template: readonly { readonly kind: string; readonly text?: string }[]): Told => {
    const [only] = template
    return only?.kind === 'command' ? { kind: 'value', value: [{ kind: 'header', name: 'x-source' }] } : toldText(only?.text ?? '')
  }
  for (const one of levels) plan.apply(one, 'request', tell)
  return plan
}

const line = (text: string): unknown => ({ value: [{ kind: 'text', text }], empty: 'drop' })
const open = { value: [{ kind: 'header', name: 'x-source' }], empty: 'drop' }

test('what is added stands behind what came, level by level', () => {
  const plan = planOf(level([add('x-a', '1')]), level([add('x-a', '2')]))
  assert.equal(plan.state('x-a'), { kind: 'came', added: [line('1'), line('2')] })
  assert.is(plan.slow, '')
})

test('a later level has the last word', () => {
  assert.equal(planOf(level([add('x-a', '1')]), level([add('x-a', '2', 'overwrite_or_add')])).state('x-a'), {
    kind: 'made',
    added: [line('2')],
  })
  assert.equal(planOf(level([add('x-a', '1')]), level([], ['x-a'])).state('x-a'), { kind: 'made', added: [] })
  assert.equal(planOf(level([add('x-a', '1')], ['x-a'])).state('x-a'), { kind: 'made', added: [line('1')] })
})

test('within a level overwriting comes before adding, whatever the order', () => {
  const plan = planOf(level([add('x-a', 'behind'), add('x-a', 'first', 'overwrite_or_add')]))
  assert.equal(plan.state('x-a'), { kind: 'made', added: [line('first'), line('behind')] })
})

test('what depends on the request is one line for the kernel to decide', () => {
  const decided = (mode: string, held: unknown, added: readonly unknown[] = []): unknown => ({ kind: 'decided', mode, line: held, added })
  assert.equal(planOf(level([add('x-a', '1', 'add_if_absent')])).state('x-a'), decided('if_absent', line('1')))
  assert.equal(planOf(level([add('x-a', '1', 'overwrite_if_exists')])).state('x-a'), decided('overwrite_if', line('1')))
  assert.equal(planOf(level([add('x-a', '%X%', 'overwrite_or_add')])).state('x-a'), decided('overwrite', open))
  assert.equal(planOf(level([add('accept', 'b')])).state('accept'), decided('join', line('b')))
  assert.equal(planOf(level([add('accept', 'b')]), level([add('accept', 'c')])).state('accept'), decided('join', line('b,c')))
  const both = planOf(level([add('x-a', '1', 'add_if_absent')]), level([add('x-a', '2')]))
  assert.equal(both.state('x-a'), decided('if_absent', line('1'), [line('2')]))
  assert.is(both.slow, '')
})

test('more than one line cannot be decided', () => {
  const refused = [
    [level([add('x-a', '%X%', 'overwrite_or_add')]), level([add('x-a', '2', 'add_if_absent')])],
    [level([add('x-a', '1', 'overwrite_if_exists')]), level([add('x-a', '2', 'overwrite_if_exists')])],
    [level([add('accept', '%X%')]), level([add('accept', 'c')])],
  ]
  for (const levels of refused) assert.ok(planOf(...levels).slow.includes('depend on each other'), JSON.stringify(levels))
  assert.is(planOf(level([add('te', 'trailers')])).slow, 'te is refused')
  assert.is(planOf(level([add('x-a', 'a\u0001b')])).slow, 'x-a has control characters')
})

test('what is there whatever the request is needs no decision', () => {
  const first = level([add('x-a', '1', 'overwrite_or_add')])
  assert.equal(planOf(first, level([add('x-a', '2', 'add_if_absent')])).state('x-a'), { kind: 'made', added: [line('1')] })
  assert.equal(planOf(first, level([add('x-a', '2', 'overwrite_if_exists')])).state('x-a'), { kind: 'made', added: [line('2')] })
  const gone = level([], ['x-a'])
  assert.equal(planOf(gone, level([add('x-a', '2', 'add_if_absent')])).state('x-a'), { kind: 'made', added: [line('2')] })
  assert.equal(planOf(gone, level([add('x-a', '2', 'overwrite_if_exists')])).state('x-a'), { kind: 'made', added: [] })
})

test('an empty value is dropped unless it is kept', () => {
  assert.equal(planOf(level([add('x-a', '')])).changed, [])
  assert.equal(planOf(level([add('x-a', '', 'append', true)])).state('x-a'), { kind: 'came', added: [{ value: [], empty: 'keep' }] })
})

test('formats see what was made, and nothing that is not known', () => {
  const plan = planOf(level([add('x-a', '1', 'overwrite_or_add'), add('x-b', '2')], ['x-c']))
  assert.equal(plan.header('x-a'), { kind: 'value', value: [{ kind: 'text', text: '1' }] })
  assert.is(plan.header('x-b').kind, 'slow')
  assert.equal(plan.header('x-c'), { kind: 'absent' })
  assert.equal(plan.header('x-d'), { kind: 'value', value: [{ kind: 'header', name: 'x-d' }] })
})

test.run()
