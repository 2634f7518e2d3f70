/**
 * The head of PROXY protocol version 2 for a TCP connection. In: the client and what it dialled, as ip:port. Out: bytes that come before all others.
 * Source: HAProxy's proxy-protocol.txt, section 2.2.
 */
import { isMapped } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { placeOf } from './original-place.ts'

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const VERSION2_PROXY = 0x21
const TCP4 = 0x11
const TCP6 = 0x21
/** of an IPv4 address in its mapped form */
const MAPPED_BYTES = 12

export function proxyHeader(client: string, asked: string): Buffer {
  const places = [placeOf(client), placeOf(asked)]
  const addresses = places.map(({ address }) => parseIp(address) ?? new Uint8Array(16))
  const v4 = addresses.every(isMapped)
  const body = Buffer.concat([
    ...addresses.map((address) => address.subarray(v4 ? MAPPED_BYTES : 0)),
    ...places.map(({ port }) => bigEndian(port)),
  ])
  return Buffer.concat([SIGNATURE, Uint8Array.of(VERSION2_PROXY, v4 ? TCP4 : TCP6), bigEndian(body.length), body])
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
