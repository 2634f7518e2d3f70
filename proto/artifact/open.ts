/**
 * Reads an artifact from a file. In: its path; optionally whose signature is asked for. Out: as `readArtifact`; a file that cannot be read is KM9001. Never throws.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { runtimeCodes } from '../codes.ts'
import type { TrustPolicy } from '../signature/signature.ts'
import { type ReadResult, readArtifact } from './read.ts'

/** Four times the artifact of 100,000 services with 1,000,000 endpoints; a Buffer holds no more on every Node. */
export const MOST_ARTIFACT_BYTES = 2 ** 31 - 1

export function openArtifact(path: string, trust?: TrustPolicy): ReadResult {
  const file = readArtifactFile(path)
  return file.kind === 'invalid' ? file : readArtifact(file.bytes, trust)
}

export type FileResult = { readonly kind: 'file'; readonly bytes: Uint8Array } | Extract<ReadResult, { kind: 'invalid' }>

/** The bytes of an ordinary file of bearable size. */
export function readArtifactFile(path: string): FileResult {
  try {
    // a pipe that nobody writes to is no reason to wait
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { size } = fstatSync(file)
      if (!fstatSync(file).isFile()) return unreadable(`${path} is no ordinary file`)
      if (size > MOST_ARTIFACT_BYTES) return unreadable(`${path} has ${size} bytes, more than an artifact may have`)
      return { kind: 'file', bytes: readFileSync(file) }
    } finally {
      closeSync(file)
    }
  } catch (error) {
    return unreadable(`${path} cannot be read: ${error instanceof Error ? reason(error) : 'unknown error'}`)
  }
}

/** "ENOENT: no such file or directory, open 'x'" -> "no such file or directory" */
function reason(error: Error): string {
  return /^[A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1] ?? error.message
}

function unreadable(message: string): Extract<ReadResult, { kind: 'invalid' }> {
  return { kind: 'invalid', error: { code: 'KM9001', message, fix: runtimeCodes.KM9001.fix } }
}
