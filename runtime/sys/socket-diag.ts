/**
 * Live TCP and UDP sockets of one network namespace (NETLINK_SOCK_DIAG, sock_diag(7)), and the end of one (SOCK_DESTROY).
 * In: a namespace; out: one plain row a socket, addresses in the 16-byte form of proto/abi.ts.
 * Needs CAP_NET_ADMIN for SOCK_DESTROY and, in other namespaces, CAP_SYS_ADMIN to get in. The kernel reports the cgroup since 5.7.
 */
import { AF_INET, AF_INET6 } from './libc.ts'
import { attributes, dumpWhole, type Netlink, NETLINK_SOCK_DIAG, openNetlink } from './netlink.ts'
import { type Entered, insideNamespace, netnsCookie, type NetworkNamespace } from './netns.ts'
import { isErrno } from './system-error.ts'

export type Protocol = 'tcp' | 'udp'
export const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 }

/** By number (include/net/tcp_states.h); UDP sockets are ESTABLISHED when connected, else CLOSE. */
export const SOCKET_STATES = [
  'UNKNOWN',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
  'BOUND_INACTIVE',
] as const
export type SocketState = (typeof SOCKET_STATES)[number]

export interface LiveSocket {
  readonly protocol: Protocol
  readonly state: SocketState
  /** 16 bytes, IPv4-mapped or IPv6; all zero (or ::ffff:0.0.0.0) when unbound */
  readonly source: Uint8Array
  readonly sourcePort: number
  readonly peer: Uint8Array
  readonly peerPort: number
  /** 0 for sockets without a file (TIME_WAIT, orphans, SYN_RECV) */
  readonly inode: number
  /** 0 when the kernel does not say */
  readonly cgroup: bigint
  /** struct inet_diag_sockid as the kernel gave it, which names the socket for SOCK_DESTROY */
  readonly id: Buffer
  /** AF_INET or AF_INET6: the socket's own, also for IPv4-mapped addresses */
  readonly family: number
}

export interface SocketDiag {
  /** cookie of its namespace; 0 on kernels before 5.14 */
  readonly cookie: bigint
  dump(protocol: Protocol): readonly LiveSocket[]
  destroy(socket: LiveSocket): Destroyed
  /** Asks for the end of a socket that cannot exist: 'gone' where the kernel can destroy sockets of this protocol. */
  destroyNobody(protocol: Protocol): Destroyed
  close(): void
}

/** 'unsupported': the kernel lacks INET_DIAG_DESTROY; 'denied': no CAP_NET_ADMIN; 'gone': it had closed before. */
export type Destroyed = 'destroyed' | 'gone' | 'denied' | 'unsupported'

const SOCK_DIAG_BY_FAMILY = 20
const SOCK_DESTROY = 21
const REQUEST_BYTES = 56
const ID_AT = 8
const ID_BYTES = 48
const ALL_STATES = 0xffffffff
const INET_DIAG_CGROUP_ID = 21
/** struct inet_diag_msg up to its attributes */
const ROW_BYTES = 72
const ROW_ID = 4
const ROW_INODE = 68

/** Opens the namespace's socket table; sockets of that namespace stay reachable after the thread has left it. */
export function openSocketDiag(namespace: NetworkNamespace): Entered<SocketDiag> {
  const entered = insideNamespace(namespace, () => openNetlink(NETLINK_SOCK_DIAG))
  return entered.kind === 'entered' ? { kind: 'entered', value: socketDiag(entered.value) } : entered
}

function socketDiag(netlink: Netlink): SocketDiag {
  return {
    cookie: cookieOf(netlink.fd),
    dump: (protocol) =>
      [AF_INET, AF_INET6].flatMap((family) =>
        dumpWhole<LiveSocket>((rows) =>
          netlink.dump(SOCK_DIAG_BY_FAMILY, request(family, protocol, ALL_STATES), (_, body) => {
            if (body.length >= ROW_BYTES) rows.push(readRow(protocol, body))
          }),
        ),
      ),
    destroy: ({ family, protocol, id }) => destroy(netlink, family, protocol, id),
    destroyNobody: (protocol) => destroy(netlink, AF_INET, protocol, Buffer.alloc(ID_BYTES)),
    close: netlink.close,
  }
}

function destroy(netlink: Netlink, family: number, protocol: Protocol, id: Buffer): Destroyed {
  const body = request(family, protocol, ALL_STATES)
  id.copy(body, ID_AT)
  try {
    netlink.request(SOCK_DESTROY, body)
    return 'destroyed'
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESTALE')) return 'gone'
    if (isErrno(error, 'EPERM', 'EACCES')) return 'denied'
    if (isErrno(error, 'EOPNOTSUPP', 'EINVAL')) return 'unsupported'
    throw error
  }
}

function cookieOf(fd: number): bigint {
  try {
    return netnsCookie(fd)
  } catch {
    return 0n
  }
}

/** struct inet_diag_req_v2 */
function request(family: number, protocol: Protocol, states: number): Buffer {
  const body = Buffer.alloc(REQUEST_BYTES)
  body.writeUInt8(family, 0)
  body.writeUInt8(PROTOCOL_NUMBERS[protocol], 1)
  body.writeUInt32LE(states, 4)
  return body
}

/** One struct inet_diag_msg with its attributes. */
export function readRow(protocol: Protocol, body: Buffer): LiveSocket {
  const family = body.readUInt8(0)
  const id = Buffer.from(body.subarray(ROW_ID, ROW_ID + ID_BYTES))
  let cgroup = 0n
  attributes(body, ROW_BYTES, (type, value) => {
    if (type === INET_DIAG_CGROUP_ID && value.length >= 8) cgroup = value.readBigUInt64LE()
  })
  return {
    protocol,
    state: SOCKET_STATES[body.readUInt8(1)] ?? 'UNKNOWN',
    source: normalised(family, id, 4),
    sourcePort: id.readUInt16BE(0),
    peer: normalised(family, id, 20),
    peerPort: id.readUInt16BE(2),
    inode: body.readUInt32LE(ROW_INODE),
    cgroup,
    id,
    family,
  }
}

function normalised(family: number, id: Buffer, at: number): Uint8Array {
  if (family === AF_INET6) return Uint8Array.prototype.slice.call(id, at, at + 16)
  const address = new Uint8Array(16)
  address.fill(255, 10, 12)
  address.set(id.subarray(at, at + 4), 12)
  return address
}

/** Whether it has a peer that it chose or that chose it. */
export function isConnected(socket: LiveSocket): boolean {
  return socket.peerPort !== 0 && socket.state !== 'LISTEN' && socket.state !== 'BOUND_INACTIVE'
}
