/**
 * Netlink as bytes. In: a message type and its body; out: the bodies of the answers. See netlink(7).
 * Invariant: every request ends in NLMSG_DONE, NLMSG_ERROR or its one answer; a dump that the kernel marks as interrupted is asked again.
 */
import { AF_NETLINK, closeDescriptor, receive, send, setSocketOption, SOCK_RAW, socket } from './libc.ts'
import { SystemError } from './system-error.ts'

export const NETLINK_ROUTE = 0
export const NETLINK_SOCK_DIAG = 4

export const NLM_F_REQUEST = 1
export const NLM_F_ACK = 4
export const NLM_F_DUMP = 0x300
const NLM_F_DUMP_INTR = 0x10

const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const HEADER = 16
const RECEIVE_BYTES = 1 << 18
const RECEIVE_TIMEOUT_SECONDS = 5
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const DUMP_ATTEMPTS = 5

/** One answer: its type and its body, which is valid until the visitor returns. */
export type Visit = (type: number, body: Buffer) => void

export interface Netlink {
  readonly fd: number
  /** Visits every answer of a dump. An interrupted dump (rows changed meanwhile) is visited as it is: rows may be missing or double. */
  dump(type: number, body: Buffer, visit: Visit): 'whole' | 'interrupted'
  /** One request with acknowledgement; answers before it are visited. Throws SystemError with the kernel's errno. */
  request(type: number, body: Buffer, visit?: Visit): void
  close(): void
}

/** A netlink socket of the network namespace that the thread is in now. */
export function openNetlink(protocol: number): Netlink {
  const fd = socket(AF_NETLINK, SOCK_RAW, protocol)
  const timeout = Buffer.alloc(16)
  timeout.writeBigInt64LE(BigInt(RECEIVE_TIMEOUT_SECONDS))
  setSocketOption(fd, SOL_SOCKET, SO_RCVTIMEO, timeout)
  const buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES)
  let sequence = 0

  const exchange = (type: number, flags: number, body: Buffer, visit: Visit): 'whole' | 'interrupted' => {
    sequence++
    send(fd, message(type, flags, sequence, body))
    let seen: 'whole' | 'interrupted' = 'whole'
    for (;;) {
      const end = receive(fd, buffer)
      for (let at = 0; at + HEADER <= end; ) {
        const length = buffer.readUInt32LE(at)
        if (length < HEADER || at + length > end) throw new SystemError({ call: 'netlink', errno: EBADMSG })
        if (buffer.readUInt32LE(at + 8) === sequence) {
          const answer = buffer.readUInt16LE(at + 4)
          if ((buffer.readUInt16LE(at + 6) & NLM_F_DUMP_INTR) !== 0) seen = 'interrupted'
          if (answer === NLMSG_DONE) return seen
          if (answer === NLMSG_ERROR) {
            const errno = -buffer.readInt32LE(at + HEADER)
            if (errno === 0) return seen
            throw new SystemError({ call: 'netlink', errno })
          }
          visit(answer, buffer.subarray(at + HEADER, at + length))
        }
        at += (length + 3) & ~3
      }
    }
  }

  return {
    fd,
    dump: (type, body, visit) => exchange(type, NLM_F_REQUEST | NLM_F_DUMP, body, visit),
    request: (type, body, visit = () => {}) => void exchange(type, NLM_F_REQUEST | NLM_F_ACK, body, visit),
    close: () => closeDescriptor(fd),
  }
}

const EBADMSG = 74

/** Repeats a dump into a fresh list until it was not interrupted; after five times the last list has to do. */
export function dumpWhole<T>(collect: (rows: T[]) => 'whole' | 'interrupted'): T[] {
  for (let attempt = 1; ; attempt++) {
    const rows: T[] = []
    if (collect(rows) === 'whole' || attempt === DUMP_ATTEMPTS) return rows
  }
}

function message(type: number, flags: number, sequence: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt32LE(HEADER + body.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags, 6)
  header.writeUInt32LE(sequence, 8)
  return Buffer.concat([header, body])
}

/** Attributes (struct nlattr or rtattr) from byte `from` of a body. */
export function attributes(body: Buffer, from: number, visit: (type: number, value: Buffer) => void): void {
  for (let at = from; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at)
    if (length < 4 || at + length > body.length) return
    visit(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
}
