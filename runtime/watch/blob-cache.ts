/**
 * Blobs that were fetched, by digest. In: a directory. Out: bytes that have the digest they are asked by: whatever else lies there counts as nothing and is replaced.
 * A file comes under its name when it is whole. Errors: KM9504.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { coded } from '../coded-error.ts'

export interface BlobCache {
  find(digest: string): Uint8Array | undefined
  keep(digest: string, content: Uint8Array): void
  /** Removes all others. */
  retain(digests: ReadonlySet<string>): void
}

/** What a writer that was cut off left behind ends so. */
const PARTIAL = '.partial'

export function openBlobCache(directory: string): BlobCache {
  const file = (digest: string): string => join(directory, digest.replace(':', '-'))
  return {
    find: (digest) => {
      try {
        const content = readFileSync(file(digest))
        return `sha256:${sha256(content)}` === digest ? content : undefined
      } catch {
        return undefined
      }
    },
    keep: (digest, content) =>
      guarded(directory, () => {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        const partial = `${file(digest)}.${process.pid}${PARTIAL}`
        writeFileSync(partial, content, { mode: 0o600 })
        renameSync(partial, file(digest))
      }),
    retain: (digests) => {
      const kept = new Set([...digests].map((digest) => digest.replace(':', '-')))
      guarded(directory, () => {
        for (const name of readdirSync(directory))
          if (/^sha256-[0-9a-f]{64}/.test(name) && !kept.has(name)) rmSync(join(directory, name), { force: true })
      })
    },
  }
}

function guarded(directory: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw coded(
      'KM9504',
      `${directory} cannot be written: ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'}`,
    )
  }
}
