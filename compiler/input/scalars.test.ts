import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { duration, Refusal, scalar, timestamp } from './scalars.ts'
import type { ScalarType } from './schema-file.ts'

const BEYOND = Number('1e400')
const code = (value: unknown) => (value instanceof Refusal ? value.code : value)

/** Each line was tried on Envoy 1.40 or is protobuf's rule: type, given, decoded or the code. */
const CASES: readonly (readonly [ScalarType, unknown, unknown])[] = [
  ['uint32', 5, 5],
  ['uint32', '5', 5],
  ['uint32', '+1', 1],
  ['uint32', 1e2, 100],
  ['uint32', '1e2', 100],
  ['uint32', 12, 12],
  ['uint32', -1, 'KM1106'],
  ['uint32', 4294967296, 'KM1106'],
  ['uint32', 1.5, 'KM1106'],
  ['uint32', '1.5', 'KM1106'],
  ['uint32', BEYOND, 'KM1106'],
  ['uint32', ' 1', 'KM1101'],
  ['uint32', '', 'KM1101'],
  ['uint32', true, 'KM1101'],
  ['uint32', {}, 'KM1101'],
  ['uint32', [1], 'KM1101'],
  ['uint32', '9'.repeat(300), 'KM1106'],
  ['uint32', '9'.repeat(100_000), 'KM1101'],
  ['int32', -2147483648, -2147483648],
  ['int32', 2147483648, 'KM1106'],
  ['sint32', -1, -1],
  ['int64', '9007199254740991', 9007199254740991],
  ['int64', '9007199254740993', 9007199254740993n],
  ['int64', '-9223372036854775809', 'KM1106'],
  ['uint64', '18446744073709551615', 18446744073709551615n],
  ['uint64', '18446744073709551616', 'KM1106'],
  ['uint64', -1, 'KM1106'],
  ['bool', true, true],
  ['bool', 'true', true],
  ['bool', 'yes', true],
  ['bool', 'False', false],
  ['bool', 1, 'KM1101'],
  ['bool', 'maybe', 'KM1101'],
  ['string', 'x', 'x'],
  ['string', '', ''],
  ['string', 'a\u0000b', 'a\u0000b'],
  ['string', 5, 'KM1101'],
  ['string', true, 'KM1101'],
  ['string', '\ud800x', 'KM1101'],
  ['double', 1.5, 1.5],
  ['double', '1.5', 1.5],
  ['double', 'Infinity', Infinity],
  ['double', BEYOND, 'KM1106'],
  ['double', 'x', 'KM1101'],
  ['float', 1e39, 'KM1106'],
  ['float', 1e38, 1e38],
  ['bytes', 5, 'KM1101'],
  ['bytes', 'CERT_REDACTED', 'KM1108'],
  ['bytes', 'a b', 'KM1108'],
  ['bytes', 'YQ=', 'KM1108'],
]

test('scalars', () => {
  for (const [type, given, want] of CASES) assert.equal(code(scalar(type, given)), want, `${type} ${String(given).slice(0, 40)}`)
  assert.ok(Number.isNaN(scalar('double', 'NaN')))
})

test('bytes in both alphabets, with and without padding', () => {
  for (const text of ['_-8=', '_-8', '/+8', '/+8=']) assert.equal(scalar('bytes', text), new Uint8Array([255, 239]), text)
  assert.equal(scalar('bytes', ''), new Uint8Array(0))
})

test('durations', () => {
  assert.equal(duration('1.5s'), { seconds: 1, nanos: 500_000_000 })
  assert.is(code(duration('-0.25s')), 'KM1110')
  assert.equal(duration('0s'), { seconds: 0, nanos: 0 })
  assert.equal(duration({ seconds: '1', nanos: 5 }), { seconds: 1, nanos: 5 })
  for (const bad of ['1', 1, '1.s', '.5s', '1.1234567891s', '100ms', ' 1s', '+1s', '', null, [], { seconds: 1, x: 2 }, { nanos: 1e9 }]) {
    assert.is(code(duration(bad)), 'KM1107', JSON.stringify(bad))
  }
  assert.is(code(duration('315576000001s')), 'KM1106')
})

test('time stamps', () => {
  assert.is(timestamp('2024-05-01T12:00:00.123456789Z'), '2024-05-01T12:00:00.123456789Z')
  assert.is(code(timestamp('yesterday')), 'KM1109')
  assert.is(code(timestamp(5)), 'KM1109')
})

test.run()
