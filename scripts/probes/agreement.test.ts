import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Decision } from '../../compiler/ir/eval.ts'
import { compare, type Seen } from './agreement.ts'

const seen = (reached: Seen['reached'], rest: Partial<Seen> = {}): Seen => ({ reached, refused: 0, passed: 0, odd: {}, ...rest })
const balanced = (shares: Readonly<Record<string, number>>, rest: Partial<Extract<Decision, { outcome: 'balanced' }>> = {}): Decision => ({
  outcome: 'balanced',
  listener: 'l',
  clusters: new Map(),
  shares: new Map(Object.entries(shares)),
  refused: new Map(),
  passed: 0,
  ...rest,
})
const refused: Decision = { outcome: 'refused', reason: 'no_endpoint', listener: 'l' }
const passed: Decision = { outcome: 'passed' }
const half = balanced({ a: 0.5, b: 0.5 })

for (const [title, decision, what, slack, kind] of [
  ['a refusal is a refusal', refused, seen({}, { refused: 3 }), 0, 'agrees'],
  ['one of three was not refused', refused, seen({ a: 1 }, { refused: 2 }), 0, 'differs'],
  ['left alone is not refused', refused, seen({}, { passed: 3 }), 0, 'differs'],
  ['left alone', passed, seen({}, { passed: 3 }), 0, 'agrees'],
  ['a single endpoint', balanced({ a: 1 }), seen({ a: 3 }), 0, 'agrees'],
  ['a single endpoint is missed once', balanced({ a: 1 }), seen({ a: 299 }, { refused: 1 }), 0, 'differs'],
  ['shares up to rounding', balanced({ a: 0.1 + 0.2 + 0.7 }), seen({ a: 3 }), 0, 'agrees'],
  ['a place that must not be met', half, seen({ a: 149, b: 150, c: 1 }), 0, 'differs'],
  ['a timeout', half, seen({ a: 150, b: 149 }, { odd: { ETIMEDOUT: 1 } }), 0, 'differs'],
  ['nothing at all', half, seen({}), 0, 'differs'],
  ['chance', half, seen({ a: 140, b: 160 }), 0, 'agrees'],
  ['hardly chance', half, seen({ a: 120, b: 180 }), 0, 'unlikely'],
  ['a share that is never met', balanced({ a: 0.9, b: 0.1 }), seen({ a: 300 }), 0, 'unlikely'],
  ['a small share that happens not to be met', balanced({ a: 0.999, b: 0.001 }), seen({ a: 300 }), 0, 'agrees'],
  [
    'a refused part',
    balanced({ a: 0.5 }, { refused: new Map([['unknown_cluster', 0.5]]) }),
    seen({ a: 150 }, { refused: 150 }),
    0,
    'agrees',
  ],
  [
    'a refused part that is not refused',
    balanced({ a: 0.5 }, { refused: new Map([['unknown_cluster', 0.5]]) }),
    seen({ a: 300 }),
    0,
    'unlikely',
  ],
  ['even over a cycle', { ...half, cycle: 2 } as Decision, seen({ a: 6, b: 6 }), 0, 'agrees'],
  ['not even over a cycle', { ...half, cycle: 2 } as Decision, seen({ a: 7, b: 5 }), 0, 'differs'],
  ['even but for one', { ...half, cycle: 2 } as Decision, seen({ a: 7, b: 5 }), 1, 'agrees'],
  ['a part of a cycle is left to chance', balanced({ a: 0.5, b: 0.5 }, { cycle: 1000 }), seen({ a: 140, b: 160 }), 0, 'agrees'],
] as const) {
  test(title, () => assert.is(compare(decision, what, slack).kind, kind))
}

test.run()
