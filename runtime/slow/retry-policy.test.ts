import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RetryPolicy } from '../../compiler/http/model.ts'
import { Headers, HttpRequest } from '../../compiler/http/request.ts'
import { type AskedRetry, askedRetry, backOff, retriesAnswer, retriesReset, toldBackOff } from './retry-policy.ts'

const POLICY: RetryPolicy = {
  on: ['gateway-error'],
  retries: 2,
  perTryTimeout: undefined,
  perTryIdleTimeout: undefined,
  statusCodes: [],
  baseInterval: undefined,
  maxInterval: undefined,
  responseHeaders: [],
  requestHeaders: [],
  otherHosts: 0,
  told: { headers: [], maxInterval: 300_000 },
}
const headers = (...pairs: (readonly [string, string])[]): Headers => Headers.of('request', pairs)
const request = new HttpRequest(
  { method: 'GET', authority: 'a', path: '/', scheme: 'http', source: undefined, destination: undefined, random: 0.5, tls: false },
  headers(),
)
const asked = (policy: Partial<RetryPolicy>, ...pairs: (readonly [string, string])[]): AskedRetry => {
  const found = askedRetry({ ...POLICY, ...policy }, headers(...pairs), request)
  assert.ok(found)
  return found
}

test('headers of the request add to the policy of the route', () => {
  assert.is(askedRetry(undefined, headers(), request), undefined)
  assert.is(askedRetry(undefined, headers(['x-envoy-retry-on', 'reset']), request)?.retries, 1)
  const both = asked(
    {},
    ['x-envoy-retry-on', 'retriable-status-codes'],
    ['x-envoy-max-retries', '7'],
    ['x-envoy-retriable-status-codes', '418, 420'],
  )
  assert.equal([...both.on], ['gateway-error', 'retriable-status-codes'])
  assert.is(both.retries, 7)
  assert.ok(retriesAnswer(both, 420, headers()))
  assert.not.ok(retriesAnswer(both, 421, headers()))
})

test('answers', () => {
  assert.ok(retriesAnswer(asked({}), 503, headers()))
  assert.not.ok(retriesAnswer(asked({}), 500, headers()))
  assert.ok(retriesAnswer(asked({ on: ['5xx'] }), 500, headers()))
  assert.not.ok(retriesAnswer(asked({ on: ['5xx'] }), 503, headers(['x-envoy-ratelimited', 'true'])))
  assert.ok(retriesAnswer(asked({ on: ['unavailable'] }), 200, headers(['grpc-status', '14'])))
  assert.not.ok(retriesAnswer(asked({ on: ['unavailable'] }), 200, headers(['grpc-status', '13'])))
})

test('failures', () => {
  assert.ok(retriesReset(asked({}), 'reset', 'something'))
  assert.ok(retriesReset(asked({ on: ['connect-failure'] }), 'connect_timeout', 'nothing'))
  assert.not.ok(retriesReset(asked({ on: ['connect-failure'] }), 'reset', 'something'))
  assert.ok(retriesReset(asked({ on: ['reset-before-request'] }), 'reset', 'nothing'))
  assert.not.ok(retriesReset(asked({ on: ['reset-before-request'] }), 'reset', 'something'))
  assert.not.ok(retriesReset(asked({ on: ['5xx'] }), 'overflow', 'nothing'))
})

test('back-off grows and has a limit', () => {
  const most = (policy: Partial<RetryPolicy>, count: number): number => backOff(asked(policy), count, () => 0.999)
  assert.equal(
    [1, 2, 3, 9].map((count) => most({}, count)),
    [24, 49, 99, 249],
  )
  assert.is(most({ baseInterval: 100, maxInterval: 150 }, 5), 149)
  assert.is(
    backOff(asked({}), 3, () => 0),
    0,
  )
})

test('an answer may say when to come again', () => {
  const told = { headers: [{ name: 'retry-after', format: 'seconds' as const }], maxInterval: 5000 }
  assert.is(
    toldBackOff(asked({ told }), headers(['retry-after', '2']), () => 0),
    2000,
  )
  assert.is(
    toldBackOff(asked({ told }), headers(['retry-after', '2']), () => 0.999),
    2999,
  )
  assert.is(
    toldBackOff(asked({ told }), headers(['retry-after', '9']), () => 0),
    undefined,
    'beyond the limit',
  )
  assert.is(
    toldBackOff(asked({ told }), headers(['retry-after', 'soon']), () => 0),
    undefined,
  )
  assert.is(
    toldBackOff(asked({}), headers(['retry-after', '2']), () => 0),
    undefined,
  )
})

test.run()
