/**
 * Whether a socket's connection was decided by the instance: its socket storage says so (km_sockets), whatever became of the endpoint since.
 * In: the map and any descriptor of the socket; out: yes or no.
 */
import { SOCKET_REWRITTEN, socket as layout } from '../proto/abi.ts'
import { fieldOf } from './field.ts'
import { lookup, u32 } from './sys/libbpf-map.ts'

const FLAGS = fieldOf(layout, 'flags').offset

export function decidedSocket(socketsMap: number, descriptor: number): 'yes' | 'no' {
  const value = Buffer.alloc(layout.size)
  return lookup(socketsMap, u32(descriptor), value) && (value.readUInt8(FLAGS) & SOCKET_REWRITTEN) !== 0 ? 'yes' : 'no'
}
