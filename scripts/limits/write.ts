/** Writes a large snapshot. In: a shape, a form, a size in bytes, a file; out: the file, of that size within a few percent, and its size. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { type Form, written } from './forms.ts'
import { largeSnapshot, type Shape } from './shapes.ts'

const FEW = 50
/** Enough that the names have their usual lengths. */
const MANY = 5000

export function writeLarge(shape: Shape, form: Form, bytes: number, file: string): number {
  const sizeOfUnits = (units: number): number => sizeOf(written(form, largeSnapshot(shape, units)))
  const rough = (FEW * bytes) / sizeOfUnits(FEW)
  const sample = Math.min(MANY, Math.max(1, Math.round(rough)))
  const units = Math.max(1, Math.round((sample * bytes) / sizeOfUnits(sample)))
  const out = openSync(file, 'w')
  let size = 0
  for (const piece of written(form, largeSnapshot(shape, units)))
    size += writeSync(out, typeof piece === 'string' ? Buffer.from(piece) : piece)
  closeSync(out)
  return size
}

function sizeOf(pieces: Iterable<string | Uint8Array>): number {
  let size = 0
  for (const piece of pieces) size += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
  return size
}
