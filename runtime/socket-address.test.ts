import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseIp } from '../proto/address/parse-ip.ts'
import { placeKey, placeText } from './socket-address.ts'

const bytes = (text: string): Uint8Array => parseIp(text) as Uint8Array

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
