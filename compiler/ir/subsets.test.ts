/** Whom criteria choose: each way to fall back, and what is no subset. `npm run fuzz:l4` asks a real Envoy the same of random clusters. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { criteriaOf, criteriaText, mergeCriteria } from '../http/subset-criteria.ts'
import type { Labels, SubsetRules } from '../parse/resources.ts'
import { chooseSubset } from './subsets.ts'

const ENDPOINTS: readonly (Labels | undefined)[] = [
  { version: 'a', stage: 'prod' },
  { version: 'b', stage: 'test' },
  { stage: 'prod' },
  undefined,
  { version: ['a', 'b'] },
]

function rules(given: Partial<SubsetRules>): SubsetRules {
  return { fallback: 'none', defaultSubset: [], selectors: [], localityWeightAware: false, listAsAny: false, ...given }
}

function selector(keys: readonly string[], given: Partial<SubsetRules['selectors'][number]> = {}): SubsetRules['selectors'][number] {
  return { keys, fallback: undefined, fallbackKeys: [], ...given }
}

/** positions in ENDPOINTS */
function chosen(given: SubsetRules, criteria: Labels): readonly number[] {
  const choose = chooseSubset(given, criteriaOf(criteria), ENDPOINTS)
  return ENDPOINTS.flatMap((metadata, index) => (choose(metadata) ? [index] : []))
}

test('a subset stands for exactly the keys of a selector', () => {
  const given = rules({ selectors: [selector(['version'])] })
  assert.equal(chosen(given, { version: 'a' }), [0])
  assert.equal(chosen(given, { version: ['a', 'b'] }), [4])
  assert.equal(chosen(given, { version: 'a', stage: 'prod' }), [])
  assert.equal(chosen(given, { stage: 'prod' }), [])
  assert.equal(chosen(given, {}), [])
})

test('without a subset the cluster says who is met', () => {
  const selectors = [selector(['version'])]
  assert.equal(chosen(rules({ selectors, fallback: 'any' }), { version: 'c' }), [0, 1, 2, 3, 4])
  assert.equal(chosen(rules({ selectors, fallback: 'default', defaultSubset: criteriaOf({ stage: 'prod' }) }), {}), [0, 2])
  assert.equal(chosen(rules({ selectors, fallback: 'default' }), {}), [0, 1, 2, 3, 4])
})

test('a selector has the first word on its keys', () => {
  const given = rules({
    fallback: 'any',
    defaultSubset: criteriaOf({ stage: 'prod' }),
    selectors: [
      selector(['stage', 'version'], { fallback: 'keys', fallbackKeys: ['version'] }),
      selector(['version'], { fallback: 'none' }),
      selector(['stage'], { fallback: 'default' }),
    ],
  })
  assert.equal(chosen(given, { stage: 'prod', version: 'a' }), [0])
  assert.equal(chosen(given, { stage: 'prod', version: 'b' }), [1])
  assert.equal(chosen(given, { stage: 'prod', version: 'c' }), [])
  // the keys of an earlier selector begin with them: Envoy does not come to its fallback
  assert.equal(chosen(given, { stage: 'none' }), [0, 1, 2, 3, 4])
})

test('a list stands for its values where it is asked to', () => {
  const given = rules({ listAsAny: true, selectors: [selector(['version'])] })
  assert.equal(chosen(given, { version: 'a' }), [0, 4])
})

test('criteria are sorted, and a weighted cluster has the last word', () => {
  const route = criteriaOf({ b: { y: 1, x: [true, null] }, a: 'v' })
  assert.is(criteriaText(route), '{"a":"v","b":{"x":[true,null],"y":1}}')
  assert.is(criteriaText(mergeCriteria(route, criteriaOf({ a: 1, c: 2 }))), '{"a":1,"b":{"x":[true,null],"y":1},"c":2}')
  assert.equal(mergeCriteria(route, []), route)
})

test.run()
