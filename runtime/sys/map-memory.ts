/**
 * The memory of an array that was made with BPF_F_MMAPABLE. In: its descriptor; out: a view of its values, each at a multiple of 8 bytes, valid during one call. A map update replaces a
 * whole value and would undo what programs count meanwhile; a store through this view touches its own field alone, and is no system call.
 */
import { aboutToStore, bind, LIBC, lastErrno, memoryAt } from './library.ts'
import { SystemError } from './system-error.ts'

const PROT_READ_WRITE = 3
const MAP_SHARED = 1

/** Addresses as numbers: below 2^53 on every machine that there is, and a conversion less for each call than void*. */
const mmap = bind<(at: number, length: number, protection: number, flags: number, fd: number, offset: number) => number>(
  LIBC,
  'intptr_t mmap(intptr_t at, size_t length, int protection, int flags, int fd, long offset)',
)
const munmap = bind<(at: number, length: number) => number>(LIBC, 'int munmap(intptr_t at, size_t length)')
const getpagesize = bind<() => number>(LIBC, 'int getpagesize()')

/** The same for as long as the process lives, or until `unmap`. */
export function mapMemory(fd: number, bytes: number): { readonly values: DataView; unmap(): void } {
  const address = mapped(fd, bytes)
  return { values: memoryAt(BigInt(address), bytes), unmap: () => munmap(address, bytes) }
}

/** `bytes`: value size (a multiple of 8) times entries. */
export function withMapMemory(fd: number, bytes: number, work: (values: DataView) => void): void {
  const address = mapped(fd, bytes)
  try {
    work(memoryAt(BigInt(address), bytes))
  } finally {
    munmap(address, bytes)
  }
}

/** The same for bytes `from` to `to` alone: a large table is not mapped as a whole. */
export function withMapWindow<T>(fd: number, from: number, to: number, work: (values: DataView) => T): T {
  const before = from % getpagesize()
  const address = mapped(fd, to - from + before, from - before)
  try {
    return work(memoryAt(BigInt(address + before), to - from))
  } finally {
    munmap(address, to - from + before)
  }
}

/** A number that programs read at the same moment: they see the old one or the new one, and with the new one what was stored before it. */
export function storeWord(values: DataView, offset: number, value: number): void {
  aboutToStore()
  Atomics.store(new Uint32Array(values.buffer, values.byteOffset + offset, 1), 0, value)
}

/** Bytes that no program reads yet, or that are the same as before where one does. */
export function storeBytes(values: DataView, offset: number, bytes: Uint8Array): void {
  aboutToStore()
  new Uint8Array(values.buffer, values.byteOffset + offset, bytes.length).set(bytes)
}

function mapped(fd: number, bytes: number, from = 0): number {
  const address = mmap(0, bytes, PROT_READ_WRITE, MAP_SHARED, fd, from)
  if (address === -1) throw new SystemError({ call: 'mmap', errno: lastErrno() })
  return address
}
