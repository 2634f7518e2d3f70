/**
 * Whether a socket's connection was decided by the instance: its seat (km_seats) or its socket storage (km_sockets) says so, whatever became of the
 * endpoint since. In: the instance's tables and any descriptor of the socket; out: yes or no.
 */
import { SEATS, SOCKET_REWRITTEN, socket as layout } from '../proto/abi.ts'
import { fieldOf } from './field.ts'
import { getSocketOption } from './sys/libc.ts'
import { lookup, u32 } from './sys/libbpf-map.ts'
import type { Tables } from './tables.ts'

const FLAGS = fieldOf(layout, 'flags').offset
const OWNER = fieldOf(layout, 'owner').offset
const SOL_SOCKET = 1
const SO_COOKIE = 57

export function decidedSocket(tables: Tables, descriptor: number): 'yes' | 'no' {
  const value = Buffer.alloc(layout.size)
  const found = inSeat(tables.fd('km_seats'), descriptor, value) || lookup(tables.fd('km_sockets'), u32(descriptor), value)
  return found && (value.readUInt8(FLAGS) & SOCKET_REWRITTEN) !== 0 ? 'yes' : 'no'
}

function inSeat(seats: number, descriptor: number, value: Buffer): boolean {
  const cookie = getSocketOption(descriptor, SOL_SOCKET, SO_COOKIE, 8).readBigUInt64LE()
  return lookup(seats, u32(Number(cookie & BigInt(SEATS - 1))), value) && value.readBigUInt64LE(OWNER) === cookie
}
