/** Lanes of single requests: what the route says, and what the kernel does not read. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RequestLine } from '../http/request.ts'
import { headReason } from './head-reason.ts'
import { laneOf, type RouteLanes } from './lanes.ts'

const LINE: RequestLine = { method: 'GET', authority: 'a:80', path: '/x?y=1', headers: [] }

test('a route names its lane, and why', () => {
  const lanes: RouteLanes = new Map([
    ['fast', { lane: 'kernel', why: '' }],
    ['slow', { lane: 'slow', why: 'retries on envoy-ratelimited' }],
    ['away', { lane: 'waypoint', why: 'a filter' }],
  ])
  assert.equal(laneOf(LINE, ['fast', 'host'], lanes), { lane: 'switched' })
  assert.equal(laneOf(LINE, [], lanes), { lane: 'switched' })
  assert.equal(laneOf(LINE, ['a route', 'slow'], lanes), { lane: 'user-space', laneReason: 'retries on envoy-ratelimited' })
  assert.equal(laneOf(LINE, ['slow'], lanes), { lane: 'user-space', laneReason: 'retries on envoy-ratelimited' })
  assert.equal(laneOf({ ...LINE, headers: [['upgrade', 'x']] }, ['away'], lanes), { lane: 'waypoint', laneReason: 'a filter' })
  assert.equal(laneOf({ ...LINE, headers: [['Upgrade', 'x']] }, ['fast'], lanes), { lane: 'user-space', laneReason: 'the header upgrade' })
  assert.equal(laneOf({ ...LINE, method: 'TRACE' }, ['fast'], 'direct'), { lane: 'direct' })
})

const READ: readonly Partial<RequestLine>[] = [
  {},
  { method: 'OPTIONS', path: '/' },
  { authority: '[::1]:80' },
  { authority: '' },
  {
    headers: [
      ['x_y', 'a\tb'],
      ['Connection', 'Close'],
      ['connection', 'keep-alive'],
      ['content-length', '49152'],
      ['x', 'é'],
    ],
  },
]

const NOT_READ: readonly (readonly [Partial<RequestLine>, string])[] = [
  [{ scheme: 'https' }, 'the connection is TLS'],
  [{ method: 'CONNECT' }, 'the method CONNECT'],
  [{ method: 'get' }, 'the method get'],
  [{ path: '*' }, 'the form of the path'],
  [{ path: '/a#b' }, 'the form of the path'],
  [{ path: '/é' }, 'the form of the path'],
  [{ authority: 'a~b' }, 'the form of the host'],
  [{ headers: [['x', 'a\nb']] }, 'the form of the header x'],
  [{ headers: [['x!', 'a']] }, 'the form of the header x!'],
  [{ headers: [['TE', 'trailers']] }, 'the header te'],
  [{ headers: [['X-Envoy-Retry-On', '5xx']] }, 'the header x-envoy-retry-on'],
  [{ headers: [['connection', 'close, x']] }, 'the header connection'],
  [{ headers: [['content-length', '+1']] }, 'the header content-length'],
  [{ headers: [['content-length', '49153']] }, 'a body of more than 49152 bytes'],
  [
    {
      headers: [
        ['content-type', 'a'],
        ['Content-Type', 'a'],
      ],
    },
    'the header content-type more than once',
  ],
  [{ headers: [['host', 'b']] }, 'the header host more than once'],
  [{ headers: [['x', 'a'.repeat(4096)]] }, 'a head of more than 4096 bytes'],
]

test('heads that the kernel reads, and those that it does not', () => {
  for (const part of READ) assert.is(headReason({ ...LINE, ...part }), '', JSON.stringify(part))
  for (const [part, why] of NOT_READ) assert.is(headReason({ ...LINE, ...part }), why, JSON.stringify(part).slice(0, 100))
})

test.run()
