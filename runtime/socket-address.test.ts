import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText, parseAddress, placeKey, placeText } from './socket-address.ts'

const bytes = (text: string): Uint8Array => parseAddress(text) as Uint8Array

test('addresses are written as RFC 5952 wants, mapped ones as IPv4', () => {
  for (const [text, shown] of [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fd00::', 'fd00::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0DB8::00FF', '2001:db8::ff'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const) {
    assert.is(addressText(bytes(text)), shown)
    assert.equal(bytes(shown), bytes(text), text)
  }
})

test('what is no address is undefined', () => {
  for (const text of ['', '10.0.0', '10.0.0.256', 'fe80::1%eth0', 'a.example', '::1::']) assert.is(parseAddress(text), undefined, text)
})

test('places are told apart by protocol, port and address', () => {
  assert.is(placeText({ address: bytes('fd00::1'), port: 80 }), '[fd00::1]:80')
  const keys = [
    placeKey(6, bytes('10.0.0.1'), 80),
    placeKey(17, bytes('10.0.0.1'), 80),
    placeKey(6, bytes('10.0.0.1'), 65535),
    placeKey(6, bytes('10.0.0.2'), 80),
  ]
  assert.is(new Set(keys).size, 4)
  assert.is(placeKey(6, bytes('::ffff:10.0.0.1'), 80), keys[0])
})

test.run()
