/**
 * The calls of libc that Node does not offer. In: plain numbers, strings and Buffers; out: the result; throws SystemError.
 * Invariant: calls are synchronous, so they run on the calling thread (setns acts on the thread that calls it).
 */
import { bind, LIBC, lastErrno } from './library.ts'
import { SystemError } from './system-error.ts'

const raw = {
  socket: bind<(family: number, type: number, protocol: number) => number>(LIBC, 'int socket(int family, int type, int protocol)'),
  close: bind<(fd: number) => number>(LIBC, 'int close(int fd)'),
  send: bind<(fd: number, data: Buffer, length: number, flags: number) => number>(
    LIBC,
    'long send(int fd, void *data, size_t length, int flags)',
  ),
  recv: bind<(fd: number, into: Buffer, length: number, flags: number) => number>(
    LIBC,
    'long recv(int fd, void *into, size_t length, int flags)',
  ),
  setsockopt: bind<(fd: number, level: number, option: number, value: Buffer, length: number) => number>(
    LIBC,
    'int setsockopt(int fd, int level, int option, void *value, uint32_t length)',
  ),
  getsockopt: bind<(fd: number, level: number, option: number, value: Buffer, length: Buffer) => number>(
    LIBC,
    'int getsockopt(int fd, int level, int option, void *value, void *length)',
  ),
  setns: bind<(fd: number, type: number) => number>(LIBC, 'int setns(int fd, int type)'),
  mount: bind<(source: string, target: string, type: string, flags: number, data: null) => number>(
    LIBC,
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, void *data)',
  ),
  renameat2: bind<(from: number, a: string, to: number, b: string, flags: number) => number>(
    LIBC,
    'int renameat2(int from, const char *a, int to, const char *b, unsigned int flags)',
  ),
  umount2: bind<(target: string, flags: number) => number>(LIBC, 'int umount2(const char *target, int flags)'),
  prlimit: bind<(pid: number, resource: number, wanted: null, old: Buffer) => number>(
    LIBC,
    'int prlimit64(int pid, int resource, void *wanted, void *old)',
  ),
  nameToHandle: bind<(directory: number, path: string, handle: Buffer, mountId: Buffer, flags: number) => number>(
    LIBC,
    'int name_to_handle_at(int directory, const char *path, void *handle, void *mount_id, int flags)',
  ),
  syscall3: bind<(number: number, a: number, b: number, c: number) => number>(LIBC, 'long syscall(long number, long a, long b, long c)'),
  syscall: bind<(number: number, command: number, attr: Buffer, size: number, a: number, b: number, c: number) => number>(
    LIBC,
    'long syscall(long number, long command, void *attr, long size, long a, long b, long c)',
  ),
}

function checked(call: string, result: number, subject?: string): number {
  if (result >= 0) return result
  throw new SystemError({ call, errno: lastErrno(), ...(subject === undefined ? {} : { subject }) })
}

const RENAME_EXCHANGE = 2

/** Two names of one file system change places, at one instant. */
export function exchangeNames(a: string, b: string): void {
  checked('renameat2', raw.renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE), `${a}, ${b}`)
}

export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000

/** The caller closes it (`closeDescriptor`). */
export function socket(family: number, type: number, protocol: number): number {
  return checked('socket', raw.socket(family, type | SOCK_CLOEXEC, protocol))
}

export function closeDescriptor(fd: number): void {
  raw.close(fd)
}

export function send(fd: number, data: Buffer): number {
  return checked('send', Number(raw.send(fd, data, data.length, 0)))
}

const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

const MSG_MORE = 0x8000
const IPPROTO_TCP = 6
const TCP_NODELAY = 1

/** As `send` into a TCP connection, and never waits: throws EAGAIN where nothing fits. The last bytes are kept back (MSG_MORE) until `sendKept`: nothing overtakes them, nobody has them. */
export function sendKeepingBack(fd: number, data: Uint8Array): number {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return checked('send', Number(raw.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE)))
}

/** What `sendKeepingBack` kept leaves now; setting TCP_NODELAY does that at once (tcp(7)). */
export function sendKept(fd: number): void {
  const yes = Buffer.from([1, 0, 0, 0])
  checked('setsockopt', raw.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, yes, yes.length))
}

/** Bytes received; 0 at the end of a stream. */
export function receive(fd: number, into: Buffer): number {
  return checked('recv', Number(raw.recv(fd, into, into.length, 0)))
}

export function setSocketOption(fd: number, level: number, option: number, value: Buffer): void {
  checked('setsockopt', raw.setsockopt(fd, level, option, value, value.length))
}

export function getSocketOption(fd: number, level: number, option: number, length: number): Buffer {
  const value = Buffer.alloc(length)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(length)
  checked('getsockopt', raw.getsockopt(fd, level, option, value, size))
  return value
}

export const CLONE_NEWNET = 0x40000000

/** Moves the calling thread into the namespace that an open /proc/PID/ns file names. Needs CAP_SYS_ADMIN. */
export function setNamespace(fd: number, type: number): void {
  checked('setns', raw.setns(fd, type))
}

/** Mounts a new file system of `type` on an existing directory. */
export function mountNew(type: string, target: string): void {
  checked('mount', raw.mount(type, target, type, 0, null), target)
}

export function unmount(target: string): void {
  checked('umount2', raw.umount2(target, 0), target)
}

export interface Limit {
  readonly soft: number
  readonly hard: number
}

const RLIMIT_NOFILE = 7
const UNLIMITED = 0xffffffffffffffffn

/** Soft and hard limit of open files of this process; Infinity where there is none. */
export function openFileLimit(): Limit {
  const value = Buffer.alloc(16)
  checked('prlimit', raw.prlimit(0, RLIMIT_NOFILE, null, value))
  const read = (at: number): number => {
    const limit = value.readBigUInt64LE(at)
    return limit === UNLIMITED ? Number.POSITIVE_INFINITY : Number(limit)
  }
  return { soft: read(0), hard: read(8) }
}

const AT_FDCWD = -100
const HANDLE_BYTES = 128

/** The file handle of a path (name_to_handle_at), in which cgroupfs puts its 64-bit id. */
export function fileHandle(path: string): Buffer {
  const handle = Buffer.alloc(8 + HANDLE_BYTES)
  handle.writeUInt32LE(HANDLE_BYTES, 0)
  checked('name_to_handle_at', raw.nameToHandle(AT_FDCWD, path, handle, Buffer.alloc(4), 0), path)
  return handle.subarray(8, 8 + handle.readUInt32LE(0))
}

const BPF_SYSCALLS: Readonly<Record<string, number>> = { x64: 321, s390x: 351, ppc64: 361 }
/** arm64, riscv64, loong64 and all later ones share one table */
const BPF_SYSCALL_GENERIC = 280

/** bpf(2): a descriptor or 0. What `attr` points to must be kept alive by the caller. */
export function bpf(command: number, attr: Buffer): number {
  return checked('bpf', Number(raw.syscall(BPF_SYSCALLS[process.arch] ?? BPF_SYSCALL_GENERIC, command, attr, attr.length, 0, 0, 0)))
}

/** The same number on every architecture, as all since 2019. */
const PIDFD_OPEN = 434
const PIDFD_GETFD = 438

export function pidfdOpen(pid: number): number {
  return checked('pidfd_open', Number(raw.syscall3(PIDFD_OPEN, pid, 0, 0)))
}

export function pidfdGetfd(pidfd: number, descriptor: number): number {
  return checked('pidfd_getfd', Number(raw.syscall3(PIDFD_GETFD, pidfd, descriptor, 0)))
}
