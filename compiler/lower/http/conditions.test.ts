import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CONDITION_NO, CONDITION_SLOW, CONDITION_YES, condition } from '../../../proto/http/matching.ts'
import { get } from '../../../proto/layout.ts'
import { HTTP_ROW_SIZE } from '../../../proto/http/tables.ts'
import { agreedServices } from '../../../scripts/routing/agree-with-kernel.ts'
import { createHttpBuilder, type HttpBuilder } from './builder.ts'
import { lowerQuestion, unsaidIn } from './conditions.ts'
import { ALWAYS, NEVER, type Question } from './question.ts'
import { createServiceScope, type ServiceScope } from './scope.ts'

function fresh(): { readonly builder: HttpBuilder; readonly scope: ServiceScope } {
  const builder = createHttpBuilder({
    cluster: () => undefined,
    clusterNames: [],
    slowCluster: () => undefined,
    routeState: () => 0,
    bucketState: () => 0,
  })
  const [service] = agreedServices([{ id: 'q', route_config: { name: 'q', virtual_hosts: [] }, requests: [] }])
  return { builder, scope: createServiceScope(builder, service as NonNullable<typeof service>, builder.reserve(4)) }
}

const header = (name: string, text: string): Question => ({
  kind: 'ask',
  subject: { kind: 'header', name },
  comparison: { kind: 'exact', text, fold: false },
  invert: false,
  missing: false,
})
const UNKNOWN: Question = { kind: 'unknown', why: 'the moon' }

/** Rows from one on, as "subject yes no missing". */
function graph(builder: HttpBuilder, row: number): string {
  if (row === CONDITION_YES) return 'yes'
  if (row === CONDITION_NO) return 'no'
  if (row === CONDITION_SLOW) return 'slow'
  const { http } = builder.finish()
  const view = new DataView(http.buffer, row * HTTP_ROW_SIZE, HTTP_ROW_SIZE)
  const field = (name: string): number => get(view, 0, condition.fields[name] as (typeof condition.fields)[string])
  return `${field('subject')}(${['yes', 'no', 'missing'].map((name) => graph(builder, field(name))).join(' ')})`
}

test('and, or and not are successors', () => {
  const { builder, scope } = fresh()
  const [a, b] = [header('a', '1'), header('b', '2')]
  assert.is(graph(builder, lowerQuestion({ kind: 'all', of: [a, b] }, scope)), '1(0(yes no no) no no)')
  assert.is(graph(builder, lowerQuestion({ kind: 'any', of: [a, b] }, scope)), '1(yes 0(yes no no) 0(yes no no))')
  assert.is(graph(builder, lowerQuestion({ kind: 'not', of: { kind: 'all', of: [a, b] } }, scope)), '1(0(no yes yes) yes yes)')
})

test('inverting leaves a missing header as it is', () => {
  const { builder, scope } = fresh()
  const inverted = { ...header('a', '1'), invert: true } as Question
  assert.is(graph(builder, lowerQuestion(inverted, scope)), '0(no yes no)')
})

test('what is unknown is asked last, and is neither yes nor no', () => {
  const { builder, scope } = fresh()
  const a = header('a', '1')
  assert.is(graph(builder, lowerQuestion({ kind: 'all', of: [UNKNOWN, a] }, scope)), '0(slow no no)')
  assert.is(graph(builder, lowerQuestion({ kind: 'any', of: [UNKNOWN, a] }, scope)), '0(yes slow slow)')
  assert.is(graph(builder, lowerQuestion({ kind: 'not', of: UNKNOWN }, scope)), 'slow')
  assert.is(graph(builder, lowerQuestion({ kind: 'all', of: [UNKNOWN, NEVER] }, scope)), 'no')
  assert.is(graph(builder, lowerQuestion({ kind: 'any', of: [UNKNOWN, ALWAYS] }, scope)), 'yes')
})

test('what the rows cannot say is named', () => {
  const { builder, scope } = fresh()
  const ask = (question: Partial<Extract<Question, { kind: 'ask' }>>): Question => ({ ...header('a', '1'), ...question }) as Question
  const cases: readonly (readonly [Question, RegExp])[] = [
    [UNKNOWN, /moon/],
    [ask({ comparison: { kind: 'regex', source: '(a|b)*a(a|b){12}' } }), /regex .* too large/],
    [ask({ comparison: { kind: 'contains', text: 'x'.repeat(33), fold: false } }), /long text/],
    [ask({ subject: { kind: 'query', name: 'x'.repeat(33) } }), /query parameter/],
  ]
  for (const [question, why] of cases) {
    assert.match(unsaidIn({ kind: 'all', of: [header('a', '1'), question] }, scope), why)
    assert.is(graph(builder, lowerQuestion(question, scope)), 'slow')
  }
  assert.is(unsaidIn(header('a', '1'), scope), '')
  for (let index = 0; index < 40; index++) lowerQuestion(header(`x-${index}`, '1'), scope)
  assert.match(unsaidIn(header('x-39', '1'), scope), /more headers/)
})

test('a header that anything but a condition reads may be there once only', () => {
  const { scope } = fresh()
  lowerQuestion({ kind: 'all', of: [header('x-a', '1'), header('content-type', '1'), header('x'.repeat(40), '1')] }, scope)
  assert.equal(scope.interests, ['x'.repeat(40), 'content-type', 'x-a'])
  assert.is(scope.single, 0b011)
  scope.interest('x-a')
  assert.is(scope.single, 0b111)
})

test.run()
