/**
 * Advisory locks on directories (flock(2)). In: a path; out: a held lock, or null when another process has it.
 * The kernel drops it when the process ends, however it ends. Invariant: the lock is on the directory that the path names now.
 */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs'
import { bind, LIBC, lastErrno } from './library.ts'
import { isErrno, SystemError } from './system-error.ts'

const flock = bind<(fd: number, operation: number) => number>(LIBC, 'int flock(int fd, int operation)')
const LOCK_EX = 2
const LOCK_NB = 4

export interface Lock {
  /** Once; more often does nothing. */
  release(): void
}

/** Takes the lock at once or not at all. Throws ENOENT when there is no such directory. */
export function tryLock(directory: string): Lock | null {
  return lock(directory, LOCK_EX | LOCK_NB)
}

/** Waits for it. For work of a few milliseconds only: the thread blocks. */
export function waitForLock(directory: string): Lock {
  return lock(directory, LOCK_EX) as Lock
}

function lock(directory: string, operation: number): Lock | null {
  for (;;) {
    const fd = openSync(directory, 'r')
    if (flock(fd, operation) !== 0) {
      const error = new SystemError({ call: 'flock', errno: lastErrno(), subject: directory })
      closeSync(fd)
      if (isErrno(error, 'EAGAIN')) return null
      if (isErrno(error, 'EINTR')) continue
      throw error
    }
    // the directory may have been removed and made again between open and flock
    const there = statSync(directory, { bigint: true, throwIfNoEntry: false })
    const held = fstatSync(fd, { bigint: true })
    if (there?.ino === held.ino && there.dev === held.dev) return heldLock(fd)
    closeSync(fd)
    if (there === undefined) throw new SystemError({ call: 'flock', errno: ENOENT, subject: directory })
  }
}

function heldLock(fd: number): Lock {
  let state: 'held' | 'released' = 'held'
  return {
    release: () => {
      if (state === 'held') closeSync(fd)
      state = 'released'
    },
  }
}

const ENOENT = 2
