/** Kernel memory of one pinned map, as the kernel charges it. In: its pin; out: bytes, 0 where nothing is pinned. */
import { closeSync } from 'node:fs'
import { memoryOf } from './sys/libbpf-map.ts'
import { openPinIfThere } from './sys/libbpf-pin.ts'

export function pinnedMemory(path: string): number {
  const fd = openPinIfThere(path)
  if (fd === null) return 0
  try {
    return memoryOf(fd)
  } finally {
    closeSync(fd)
  }
}
