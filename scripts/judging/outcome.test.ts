import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { arrival, isAmbiguous, outcome } from './outcome.ts'
import { addressText } from './places.ts'

const dialled = { address: '10.96.0.1', port: 80 }

test('an answer from elsewhere was chosen, one from the dialled address was left alone', () => {
  const tally = { reached: { '10.1.0.1:8080': 3, '10.96.0.1:80': 2 }, failed: { ECONNREFUSED: 1, timeout: 4 }, passed: 1 }
  assert.equal(outcome(dialled, tally, 0), { reached: { '10.1.0.1:8080': 3 }, failed: { ECONNREFUSED: 1, ETIMEDOUT: 4 }, passed: 3 })
})

test('a dialled address that is an endpoint counts as reached as often as it was chosen', () => {
  assert.ok(isAmbiguous(dialled, new Set(['10.96.0.1:80'])))
  assert.not.ok(isAmbiguous(dialled, new Set(['10.96.0.1:81', '10.1.0.1:80'])))
  assert.equal(outcome(dialled, { reached: { '10.96.0.1:80': 5 }, failed: {}, passed: 0 }, 3), {
    reached: { '10.96.0.1:80': 3 },
    failed: {},
    passed: 2,
  })
})

for (const [address, arrives] of [
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:0a00:0001', '10.0.0.1'],
  ['fd00:0:0::1', 'fd00::1'],
] as const) {
  test(`untouched, ${address} arrives at ${arrives}`, () => {
    assert.equal(arrival({ address, port: 9 }), { address: arrives, port: 9 })
  })
}

test('addresses read as inet_ntop writes them', () => {
  assert.is(addressText(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3)), '10.1.2.3')
  assert.is(addressText(Uint8Array.of(0xfd, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5)), 'fd00:0:1::5')
})

test.run()
