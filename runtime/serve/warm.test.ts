import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createWarmth, WARM_ENDPOINTS, WARM_POOLS, type WarmEndpoint } from './warm.ts'

const endpoint = (state: number): WarmEndpoint => ({ address: new Uint8Array(16).fill(state % 251), port: 80, state })

function recorded(): { readonly sent: string[]; readonly link: Parameters<typeof createWarmth>[0] } {
  const sent: string[] = []
  return { sent, link: { send: (kind, values) => void sent.push(`${kind} ${values?.netns} ${values?.state} ${values?.count}`) } }
}

test('each namespace, and what is no longer wanted is let go', () => {
  const { sent, link } = recorded()
  const warmth = createWarmth(link)
  warmth.spread([1n, 2n], [endpoint(7)])
  assert.equal(sent.splice(0), ['warm 1 7 2', 'warm 2 7 2'])
  warmth.spread([2n], [endpoint(7), endpoint(8)])
  assert.equal(sent.splice(0), ['warm 1 7 0', 'warm 2 7 2', 'warm 2 8 2'])
})

test('bounded in each namespace and in all', () => {
  const { sent, link } = recorded()
  const many = Array.from({ length: 100 }, (_, index) => endpoint(index + 1))
  createWarmth(link).spread([1n, 2n, 3n, 4n, 5n], many)
  assert.is(sent.length, WARM_POOLS)
  assert.is(sent.filter((line) => line.startsWith('warm 1 ')).length, WARM_ENDPOINTS)
  assert.is(sent.filter((line) => line.startsWith('warm 5 ')).length, 0)
})

test.run()
