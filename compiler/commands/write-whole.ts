/** Writes a file that a command was asked for. In: name, bytes, permissions. Out: whether it is there; what went wrong is KM1802. */
import { rename, rm, writeFile } from 'node:fs/promises'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { reason } from '../sources.ts'

/** Beside the target and then renamed, so that a reader sees the old file or the new one. */
export async function writeWhole(file: string, bytes: Uint8Array, diag: Diagnostics, mode = 0o666): Promise<boolean> {
  const partial = `${file}.${process.pid}.partial`
  try {
    await writeFile(partial, bytes, { mode })
    await rename(partial, file)
    return true
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    diag.report({
      code: 'KM1802',
      severity: 'error',
      path: '',
      message: `"${file}" cannot be written: ${reason(error)}`,
      fix: 'check the directory, its permissions and the free space',
    })
    return false
  }
}
