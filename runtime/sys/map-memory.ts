/**
 * The memory of an array that was made with BPF_F_MMAPABLE. In: its descriptor; out: a view of its values, valid during one call. A map update replaces a
 * whole value and would undo what programs count meanwhile; a store through this view touches its own field alone.
 */
import { bind, LIBC, lastErrno, memoryAt } from './library.ts'
import { SystemError } from './system-error.ts'

const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const MAP_FAILED = 0xffffffffffffffffn

const mmap = bind<(at: null, length: number, protection: number, flags: number, fd: number, offset: number) => bigint | null>(
  LIBC,
  'void *mmap(void *at, size_t length, int protection, int flags, int fd, long offset)',
)
const munmap = bind<(at: bigint, length: number) => number>(LIBC, 'int munmap(void *at, size_t length)')

/** The same for as long as the process lives, or until `unmap`. */
export function mapMemory(fd: number, bytes: number): { readonly values: DataView; unmap(): void } {
  const address = mapped(fd, bytes)
  return { values: memoryAt(address, bytes), unmap: () => munmap(address, bytes) }
}

/** `bytes`: value size (a multiple of 8) times entries. */
export function withMapMemory(fd: number, bytes: number, work: (values: DataView) => void): void {
  const address = mapped(fd, bytes)
  try {
    work(memoryAt(address, bytes))
  } finally {
    munmap(address, bytes)
  }
}

function mapped(fd: number, bytes: number): bigint {
  const address = mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0)
  if (address === null || BigInt.asUintN(64, address) === MAP_FAILED) throw new SystemError({ call: 'mmap', errno: lastErrno() })
  return address
}
