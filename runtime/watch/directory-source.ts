/**
 * A directory as a source of artifacts and deltas. In: its path. Out: its *.tar files, the last that appeared first. Who puts one there writes it beside, or under a name that begins with a
 * dot, and renames it: then no half of it is ever seen. One that was seen half is refused once, and tried again when it has changed.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { coded } from '../coded-error.ts'
import { openTrustedFileOrDelta } from '../open-trusted.ts'
import { isErrno } from '../sys/system-error.ts'
import type { Candidate, Source } from './source.ts'

export function directorySource(path: string): Source {
  return { candidates: async () => filesIn(path).map(({ file, identity }) => candidate(file, identity)) }
}

function candidate(file: string, identity: string): Candidate {
  return { name: file, identity, open: async (policy) => openTrustedFileOrDelta(file, policy) }
}

interface SeenFile {
  readonly file: string
  /** another one after every write and rename */
  readonly identity: string
  /** when it came under this name or was written last, in nanoseconds: a rename keeps the time of writing, but not this one */
  readonly changed: bigint
}

function filesIn(path: string): readonly SeenFile[] {
  return namesIn(path)
    .filter((name) => name.endsWith('.tar') && !name.startsWith('.'))
    .flatMap((name) => seen(join(path, name)))
    .sort((a, b) => (a.changed === b.changed ? (a.file < b.file ? 1 : -1) : a.changed < b.changed ? 1 : -1))
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    throw coded(
      'KM9501',
      `the directory ${path} cannot be read: ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'}`,
    )
  }
}

function seen(file: string): readonly SeenFile[] {
  try {
    const { ino, size, mtimeNs, ctimeNs, dev } = statSync(file, { bigint: true })
    return [{ file, identity: [file, dev, ino, size, mtimeNs, ctimeNs].join(' '), changed: ctimeNs }]
  } catch (error) {
    // it was renamed or removed since
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}
