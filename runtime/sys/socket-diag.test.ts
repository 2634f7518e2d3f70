import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { placeText } from '../socket-address.ts'
import { readAddress } from './interface-address.ts'
import { isConnected, readRow } from './socket-diag.ts'

/** struct inet_diag_msg and an INET_DIAG_CGROUP_ID behind an attribute of odd length. */
function row(family: number, state: number, source: Buffer, peer: Buffer, cgroup: bigint): Buffer {
  const body = Buffer.alloc(72)
  body.writeUInt8(family, 0)
  body.writeUInt8(state, 1)
  body.writeUInt16BE(40000, 4)
  body.writeUInt16BE(443, 6)
  source.copy(body, 8)
  peer.copy(body, 24)
  body.writeUInt32LE(0xdeadbeef, 44)
  body.writeUInt32LE(123456, 68)
  const attributes = Buffer.alloc(8 + 12)
  attributes.writeUInt16LE(5, 0)
  attributes.writeUInt16LE(8, 2)
  attributes.writeUInt16LE(12, 8)
  attributes.writeUInt16LE(21, 10)
  attributes.writeBigUInt64LE(cgroup, 12)
  return Buffer.concat([body, attributes])
}

test('an IPv4 row comes out with mapped addresses, its cgroup and the id for SOCK_DESTROY', () => {
  const socket = readRow('tcp', row(2, 1, Buffer.from([10, 0, 0, 1]), Buffer.from([10, 96, 0, 1]), 0x1_0000_0007n))
  assert.is(placeText({ address: socket.source, port: socket.sourcePort }), '10.0.0.1:40000')
  assert.is(placeText({ address: socket.peer, port: socket.peerPort }), '10.96.0.1:443')
  assert.is(socket.state, 'ESTABLISHED')
  assert.is(socket.inode, 123456)
  assert.is(socket.cgroup, 0x1_0000_0007n)
  assert.is(socket.id.length, 48)
  assert.is(socket.id.readUInt32LE(40), 0xdeadbeef)
})

test('an IPv6 row keeps its addresses, and a mapped one reads as IPv4', () => {
  const v6 = Buffer.from('fd000000000000000000000000000005', 'hex')
  const mapped = Buffer.from('00000000000000000000ffff0a600001', 'hex')
  const socket = readRow('udp', row(10, 7, v6, mapped, 0n))
  assert.is(placeText({ address: socket.source, port: socket.sourcePort }), '[fd00::5]:40000')
  assert.is(placeText({ address: socket.peer, port: socket.peerPort }), '10.96.0.1:443')
  assert.is(socket.family, 10)
})

test('a row is a copy, and a listener is not connected', () => {
  const body = row(2, 10, Buffer.from([10, 0, 0, 1]), Buffer.alloc(4), 1n)
  const socket = readRow('tcp', body)
  body.fill(255)
  assert.is(placeText({ address: socket.source, port: socket.sourcePort }), '10.0.0.1:40000')
  assert.is(socket.state, 'LISTEN')
  assert.not(isConnected(socket))
})

/** struct ifaddrmsg with its attributes. */
function interfaceAddress(family: number, scope: number, flags: number, attributes: readonly (readonly [number, Buffer])[]): Buffer {
  const head = Buffer.from([family, 32, flags, scope, 1, 0, 0, 0])
  return Buffer.concat([
    head,
    ...attributes.map(([type, value]) => {
      const attribute = Buffer.alloc(4 + value.length)
      attribute.writeUInt16LE(attribute.length, 0)
      attribute.writeUInt16LE(type, 2)
      value.copy(attribute, 4)
      return attribute
    }),
  ])
}

test('interface addresses: global ones count, of a point-to-point link the own end, loopback and unusable ones do not', () => {
  const own = Buffer.from([10, 0, 0, 2])
  assert.equal(
    readAddress(
      interfaceAddress(2, 0, 0, [
        [1, Buffer.from([10, 0, 0, 9])],
        [2, own],
      ]),
    )?.address.slice(12),
    Uint8Array.from(own),
  )
  assert.is(readAddress(interfaceAddress(2, 254, 0, [[2, own]])), undefined)
  assert.is(readAddress(interfaceAddress(2, 0, 0, [[2, Buffer.from([127, 0, 0, 5])]])), undefined)
  const v6 = Buffer.from('fd000000000000000000000000000005', 'hex')
  assert.is(readAddress(interfaceAddress(10, 0, 0, [[1, v6]]))?.family, 'v6')
  assert.is(readAddress(interfaceAddress(10, 253, 0, [[1, v6]])), undefined)
  const tentative = Buffer.alloc(4)
  tentative.writeUInt32LE(0x40)
  assert.is(
    readAddress(
      interfaceAddress(10, 0, 0, [
        [1, v6],
        [8, tentative],
      ]),
    ),
    undefined,
  )
})

test.run()
