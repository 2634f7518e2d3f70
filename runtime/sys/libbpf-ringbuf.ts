/**
 * Reading a ring buffer of the kernel. In: its descriptor and the size of a record; out: the records that are there, in order, as copies. libbpf knows how the two sides keep out of each other's way.
 * Invariant: nothing waits; the reader asks.
 */
import { bind, callbackOf, LIBBPF, memoryAt } from './library.ts'
import { checked, SystemError } from './system-error.ts'

const ringNew = bind<(fd: number, callback: unknown, context: null, options: null) => bigint | null>(
  LIBBPF,
  'void *ring_buffer__new(int map_fd, void *sample_cb, void *ctx, void *opts)',
)
const ringConsume = bind<(ring: bigint) => number>(LIBBPF, 'int ring_buffer__consume(void *rb)')
const ringFree = bind<(ring: bigint) => void>(LIBBPF, 'void ring_buffer__free(void *rb)')

export interface RingReader {
  /** All that is there; at most `most` of them, the rest the next time. */
  read(most: number): readonly Buffer[]
  close(): void
}

/** Not an errno of the kernel: consuming ends when a callback gives something negative. */
const ENOUGH = -10_000

export function openRing(fd: number, recordSize: number): RingReader {
  let records: Buffer[] = []
  let room = 0
  const callback = callbackOf('int km_sample(void *ctx, void *data, size_t size)', (_: unknown, data: bigint, size: number | bigint) => {
    if (Number(size) >= recordSize) {
      const view = memoryAt(data, recordSize)
      records.push(Buffer.from(Buffer.from(view.buffer, view.byteOffset, recordSize)))
    }
    room--
    return room > 0 ? 0 : ENOUGH
  })
  const ring = ringNew(fd, callback.pointer, null, null)
  if (ring === null) {
    callback.release()
    throw new SystemError({ call: 'ring_buffer__new', errno: 0 })
  }
  return {
    read(most) {
      records = []
      room = most
      const result = ringConsume(ring)
      if (result !== ENOUGH) checked(result, 'ring_buffer__consume')
      return records
    },
    close() {
      ringFree(ring)
      callback.release()
    },
  }
}
