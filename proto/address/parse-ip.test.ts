import { isIPv6 } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addressText } from './address-text.ts'
import { isAnyAddress, isMapped } from './mapped.ts'
import { parseIp } from './parse-ip.ts'

const bytes = (text: string): readonly number[] | undefined => {
  const address = parseIp(text)
  return address && [...address]
}
const mapped = (...parts: number[]): readonly number[] => [...Array<number>(10).fill(0), 255, 255, ...parts]

test('IPv4 is stored mapped', () => {
  assert.equal(bytes('127.96.0.1'), mapped(127, 96, 0, 1))
  assert.equal(bytes('0.0.0.0'), mapped(0, 0, 0, 0))
  assert.equal(bytes('255.255.255.255'), mapped(255, 255, 255, 255))
})

test('what only looks like IPv4 is none', () => {
  for (const text of [
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '1.2.3.4 ',
    '1.2.3.a',
    '',
    'localhost',
    '1.2.3.4/8',
    '0x1.2.3.4',
  ])
    assert.is(bytes(text), undefined, text)
})

test('IPv6 in all its spellings', () => {
  assert.equal(bytes('::'), Array(16).fill(0))
  assert.equal(bytes('::1'), [...Array(15).fill(0), 1])
  assert.equal(bytes('fd00::1:2'), [0xfd, ...Array(12).fill(0), 1, 0, 2])
  assert.equal(bytes('1:2:3:4:5:6:7:8'), [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8])
  assert.equal(bytes('FD00:0:0:0:0:0:0:A'), [0xfd, ...Array(14).fill(0), 10])
  assert.equal(bytes('1::'), [0, 1, ...Array(14).fill(0)])
  assert.equal(bytes('::ffff:10.1.2.3'), mapped(10, 1, 2, 3))
  assert.equal(bytes('64:ff9b::10.1.2.3'), [0, 0x64, 0xff, 0x9b, ...Array(8).fill(0), 10, 1, 2, 3])
})

test('agrees with Node on what is IPv6, apart from scopes', () => {
  for (const text of [
    '::',
    '1::2::3',
    ':::',
    'fe80::1%eth0',
    'g::1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::1.2.3',
    '::1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
  ]) {
    assert.is(parseIp(text) !== undefined, isIPv6(text) && !text.includes('%'), text)
  }
})

test('families and wildcards', () => {
  const any4 = parseIp('0.0.0.0') as Uint8Array
  const any6 = parseIp('::') as Uint8Array
  assert.ok(isMapped(any4) && !isMapped(any6))
  assert.ok(isAnyAddress(any4) && isAnyAddress(any6))
  assert.not.ok(isAnyAddress(parseIp('0.0.0.1') as Uint8Array))
  assert.not.ok(isAnyAddress(parseIp('::1') as Uint8Array))
})

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
    assert.is(addressText(parseIp(text) as Uint8Array), shown)
    assert.equal(bytes(shown), bytes(text), text)
  }
})

test.run()
