/** A file of `--proof`. In: its path. Out: what kernels made of programs; none, with KM1605 in `diag`, where it is no proof. */
import { readFileSync } from 'node:fs'
import { checkDocument, parseJson } from '../../proto/artifact/documents.ts'
import type { KernelProof } from '../../proto/artifact/proof.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'

export function openProof(file: string, diag: Diagnostics): readonly KernelProof[] {
  try {
    return checkDocument('proof', parseJson(readFileSync(file), 'it'), 'it').kernels
  } catch (error) {
    const message = `the proof ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`
    diag.report({
      code: 'KM1605',
      severity: 'error',
      path: '',
      message,
      fix: 'give a file that `kmesh-runtime prove` or scripts/kernel-matrix wrote',
    })
    return []
  }
}
