import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { laneText, since } from './lane-counts.ts'

type Http = Parameters<typeof since>[0]

function http(requests: number, localReplies: number, slow: Readonly<Record<string, number>>, early = 0): Http {
  const route = { virtualHost: 'v', name: 'r', lane: 'kernel', requests, localReplies, slow } as const
  return { services: [{ listener: 'l', routes: [route] }], slow: early === 0 ? {} : { syntax: early }, observed: [] }
}

test('only what was added counts', () => {
  assert.equal(since(http(5, 1, { route: 2 }), http(5, 1, { route: 2 })), [])
  const added = since(http(5, 1, { route: 2 }), http(9, 1, { route: 3, pool_empty: 4 }))
  assert.equal(added, [{ route: 'r', virtualHost: 'v', kernel: 4, local: 0, userSpace: 5, reasons: ['pool_empty', 'route'] }])
})

test('a lane is said in words', () => {
  const none = http(0, 0, {})
  const text = (after: Http): string => laneText(since(none, after))
  assert.is(text(none), '-')
  assert.is(text(http(3, 0, {})), 'kernel')
  assert.is(text(http(3, 3, {})), 'kernel, on its own')
  assert.is(text(http(0, 0, { route: 1 })), 'user space (route)')
  assert.is(text(http(3, 1, { route: 1 }, 2)), '3 kernel (1 on its own), 3 user space (route, syntax)')
})

test.run()
