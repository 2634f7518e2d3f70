/** Is a file the one that it was? In: what the file system says of it. Out: a text that differs when the file was replaced or written, but for changes in the same instant. */
import type { BigIntStats } from 'node:fs'

export function identityOf({
  dev,
  ino,
  size,
  mtimeNs,
  ctimeNs,
}: Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/** File systems write the time of a change in steps of up to this. */
const STEP_MS = 10

/** Whether another change could still have the same time. */
export function isFresh({ ctimeNs }: Pick<BigIntStats, 'ctimeNs'>): boolean {
  return Date.now() - Number(ctimeNs / 1_000_000n) <= STEP_MS
}
