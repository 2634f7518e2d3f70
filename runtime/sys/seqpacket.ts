/**
 * Unix sockets of type SOCK_SEQPACKET, which Node does not speak: whole messages, with descriptors beside them (SCM_RIGHTS). In: a path, bytes, descriptors;
 * out: messages. Nothing here waits; a peer that is gone is an error (EPIPE, ECONNRESET) or the end.
 * Invariant: a received descriptor is the caller's to close, and is closed by the kernel on exec.
 */
import { closeDescriptor, socket } from './libc.ts'
import { addressOf, bind, LIBC, lastErrno } from './library.ts'
import { SystemError } from './system-error.ts'

const raw = {
  connect: bind<(fd: number, address: Buffer, length: number) => number>(LIBC, 'int connect(int fd, const void *address, uint32_t length)'),
  sendmsg: bind<(fd: number, header: Buffer, flags: number) => number>(LIBC, 'long sendmsg(int fd, const void *header, int flags)'),
  recvmsg: bind<(fd: number, header: Buffer, flags: number) => number>(LIBC, 'long recvmsg(int fd, void *header, int flags)'),
}

const AF_UNIX = 1
const SOCK_SEQPACKET = 5
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const MSG_CMSG_CLOEXEC = 0x40000000
const EAGAIN = 11
const EINTR = 4
const CONTROL_HEADER = 16
const MOST_DESCRIPTORS = 4

/** The caller closes it (`closeDescriptor`). Throws SystemError: ENOENT, ECONNREFUSED when nobody listens. */
export function connectSeqpacket(path: string): number {
  const address = Buffer.alloc(110)
  address.writeUInt16LE(AF_UNIX)
  if (address.write(path, 2) > 107) throw new SystemError({ call: 'connect', errno: ENAMETOOLONG, subject: path })
  const fd = socket(AF_UNIX, SOCK_SEQPACKET, 0)
  if (raw.connect(fd, address, address.length) === 0) return fd
  const error = new SystemError({ call: 'connect', errno: lastErrno(), subject: path })
  closeDescriptor(fd)
  throw error
}

const ENAMETOOLONG = 36

/** 'later': the peer's queue is full. */
export function sendMessage(fd: number, message: Uint8Array, descriptors: readonly number[] = []): 'sent' | 'later' {
  const { header, control } = messageHeader(message, descriptors.length)
  if (descriptors.length > 0) {
    control.writeBigUInt64LE(BigInt(CONTROL_HEADER + descriptors.length * 4))
    control.writeInt32LE(SOL_SOCKET, 8)
    control.writeInt32LE(SCM_RIGHTS, 12)
    for (const [index, descriptor] of descriptors.entries()) control.writeInt32LE(descriptor, CONTROL_HEADER + index * 4)
  }
  for (;;) {
    if (Number(raw.sendmsg(fd, header, MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0) return 'sent'
    const errno = lastErrno()
    if (errno === EAGAIN) return 'later'
    if (errno !== EINTR) throw new SystemError({ call: 'sendmsg', errno })
  }
}

export type Received =
  | { readonly kind: 'message'; readonly length: number; readonly descriptors: readonly number[] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'end' }

/** The next message, into `into`. */
export function receiveMessage(fd: number, into: Uint8Array): Received {
  const { header, control } = messageHeader(into, MOST_DESCRIPTORS)
  for (;;) {
    const length = Number(raw.recvmsg(fd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC))
    if (length < 0) {
      const errno = lastErrno()
      if (errno === EINTR) continue
      if (errno === EAGAIN) return { kind: 'nothing' }
      return { kind: 'end' }
    }
    const used = Number(header.readBigUInt64LE(CONTROL_LENGTH))
    const descriptors = used < CONTROL_HEADER ? [] : descriptorsIn(control)
    return length === 0 && descriptors.length === 0 ? { kind: 'end' } : { kind: 'message', length, descriptors }
  }
}

const CONTROL_LENGTH = 40

/** struct msghdr of 64-bit systems, with one part and room for descriptors. */
function messageHeader(part: Uint8Array, descriptors: number): { readonly header: Buffer; readonly control: Buffer } {
  const vector = Buffer.alloc(16)
  vector.writeBigUInt64LE(addressOf(part))
  vector.writeBigUInt64LE(BigInt(part.length), 8)
  const control = Buffer.alloc(CONTROL_HEADER + 8 * Math.ceil((descriptors * 4) / 8))
  // `vector` and `control` are pointed at from outside of the heap: the header keeps them alive
  const header = Object.assign(Buffer.alloc(56), { vector, control })
  header.writeBigUInt64LE(addressOf(vector), 16)
  header.writeBigUInt64LE(1n, 24)
  if (descriptors > 0) {
    header.writeBigUInt64LE(addressOf(control), 32)
    header.writeBigUInt64LE(BigInt(control.length), CONTROL_LENGTH)
  }
  return { header, control }
}

function descriptorsIn(control: Buffer): readonly number[] {
  const length = Number(control.readBigUInt64LE(0))
  if (control.readInt32LE(8) !== SOL_SOCKET || control.readInt32LE(12) !== SCM_RIGHTS) return []
  return Array.from({ length: Math.floor((length - CONTROL_HEADER) / 4) }, (_, index) => control.readInt32LE(CONTROL_HEADER + index * 4))
}
