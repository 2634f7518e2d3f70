import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../oracle/envoy.ts'
import { boundPlaces, frontResources, wayOf } from './redirection.ts'

const listener = (address: string, port: number, more: JsonObject = {}): JsonObject => ({
  address: { socket_address: { address, port_value: port } },
  ...more,
})
const dial = (address: string, port: number, protocol: 'tcp' | 'udp' = 'tcp') => ({ id: 'x', protocol, address, port })
const direct = { kind: 'direct' }
const to = (address: string, port: number) => ({ kind: 'redirect', to: { address, port } })
const front = boundPlaces(frontResources().listeners)[0]?.port as number

const bound = listener('127.96.0.1', 80)
const unbound = listener('127.96.0.2', 80, { bind_to_port: false })
const wild = listener('0.0.0.0', 81, { bindToPort: false })
const target = listener('0.0.0.0', 15001, { use_original_dst: true })
const target6 = listener('::', 15001, { use_original_dst: true })

test('what Envoy binds is dialled as it is', () => assert.equal(wayOf([bound, unbound], dial('127.96.0.1', 80)), direct))
test('what it does not bind is met by redirection, also by a wildcard', () => {
  assert.equal(wayOf([bound, unbound], dial('127.96.0.2', 80)), to('127.0.0.1', front))
  assert.equal(wayOf([wild], dial('127.96.0.9', 81)), to('127.0.0.1', front))
  assert.equal(wayOf([wild], dial('::1', 81)), direct)
})
test('where a listener takes original destinations, everything of its family is redirected to it', () => {
  assert.equal(wayOf([bound, target], dial('127.96.0.1', 80)), to('0.0.0.0', 15001))
  assert.equal(wayOf([bound, target], dial('::1', 80)), direct)
  assert.equal(wayOf([target, target6], dial('::1', 80)), to('::', 15001))
  assert.equal(wayOf([target], dial('::ffff:127.96.0.1', 80)), to('0.0.0.0', 15001))
})
test('an inbound listener is nobody that clients are redirected to', () =>
  assert.equal(wayOf([{ ...target, traffic_direction: 'INBOUND' }, bound], dial('127.96.0.9', 80)), direct))
test('UDP is never redirected', () => assert.equal(wayOf([target], dial('127.96.0.1', 53, 'udp')), direct))
test('only listeners that bind are places of Envoy', () =>
  assert.equal(boundPlaces([bound, unbound]), [{ address: '127.96.0.1', port: 80, protocol: 'tcp', compat: false }]))

test.run()
