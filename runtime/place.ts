/**
 * Where an instance lives and who may work on it. In: an instance name; out: its pins, locked for this process.
 *
 * Locks: the one of an instance is on its directory in the bpffs, so everybody who can reach the pins meets it. Making and removing
 * what instances share (the mount, BPFFS/kmesh, <cgroup2>/kmesh) and comparing their cgroups happens under a second, short lock.
 * Invariant: what was made for an instance that does not come to be is removed again, down to the mount.
 */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { coded } from './coded-error.ts'
import { KMESH_DIRECTORY, namesIn, type Pins, pinsOf } from './pins.ts'
import { unmount } from './sys/libc.ts'
import { type Lock, tryLock, waitForLock } from './sys/lock.ts'
import { ensureBpffs, findBpffs } from './sys/mountinfo.ts'
import { isErrno } from './sys/system-error.ts'

export interface Place {
  readonly instance: string
  readonly bpffs: string
  readonly pins: Pins
  /** Gives up the lock. An instance directory without anything in it is removed, and what it alone needed. */
  release(): void
}

const SHARED_LOCK = '/run'
/** Directory in BPFFS/kmesh that says that the runtime made the mount. No instance name begins with _. */
const MOUNTED_MARK = '_mounted'

/** Runs `work` while no other runtime makes or removes what instances share. */
export function exclusively<T>(work: () => T): T {
  const lock = waitForLock(existsSync(SHARED_LOCK) ? SHARED_LOCK : '/')
  try {
    return work()
  } finally {
    lock.release()
  }
}

/** The place of an instance that exists or is about to: mounts a bpffs and makes the directory where they are missing. */
export function claimPlace(instance: string): Place {
  return exclusively(() => {
    const existing = findBpffs()
    pinsOf(existing ?? '/', instance)
    const bpffs = existing ?? mountBpffs()
    const pins = pinsOf(bpffs, instance)
    mkdirSync(pins.root, { recursive: true, mode: 0o700 })
    return lockedPlace(instance, bpffs, pins)
  })
}

/** The place of an instance that exists; null when nothing is pinned under its name. The lock on its directory says by itself whether that is still there. */
export function findPlace(instance: string): Place | null {
  const bpffs = findBpffs()
  const pins = pinsOf(bpffs ?? '/', instance)
  if (bpffs === undefined) return null
  try {
    return lockedPlace(instance, bpffs, pins)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null
    throw error
  }
}

/** The same where it has to be there. Throws KM9106. */
export function openPlace(instance: string): Place {
  const place = findPlace(instance)
  if (place === null) throw coded('KM9106', `nothing is pinned for instance "${instance}"`)
  return place
}

/** For reading without the lock. */
export function existingPins(instance: string): { readonly bpffs: string; readonly pins: Pins } | null {
  const bpffs = findBpffs()
  const pins = pinsOf(bpffs ?? '/', instance)
  return bpffs === undefined || !existsSync(pins.root) ? null : { bpffs, pins }
}

/** Names of all instances. */
export function listInstances(bpffs: string): readonly string[] {
  return namesIn(join(bpffs, KMESH_DIRECTORY))
    .filter((name) => !name.startsWith('_'))
    .sort()
}

function mountBpffs(): string {
  const { path } = ensureBpffs()
  mkdirSync(join(path, KMESH_DIRECTORY, MOUNTED_MARK), { recursive: true })
  return path
}

function lockedPlace(instance: string, bpffs: string, pins: Pins): Place {
  const lock: Lock | null = tryLock(pins.root)
  if (lock === null) throw coded('KM9101', `instance "${instance}" is being changed by another runtime`)
  return {
    instance,
    bpffs,
    pins,
    release: () => {
      // nothing is to be removed, and nobody else puts anything in while the lock is held
      if (existsSync(pins.map('km_generation')) || namesIn(pins.root).length > 0) return lock.release()
      try {
        exclusively(() => {
          const removed = removeEmpty(pins.root)
          // an open directory would keep the bpffs from being unmounted
          lock.release()
          if (removed) tidy(bpffs)
        })
      } catch (error) {
        // the work itself is done: what could not be tidied up is tidied by the next one
        if (!(error instanceof Error && 'code' in error)) throw error
      } finally {
        lock.release()
      }
    },
  }
}

/** Removes what instances share when none is left. */
function tidy(bpffs: string): void {
  const shared = join(bpffs, KMESH_DIRECTORY)
  const mark = join(shared, MOUNTED_MARK)
  if (namesIn(shared).some((name) => name !== MOUNTED_MARK)) return
  const ours = existsSync(mark)
  if (ours) rmdirSync(mark)
  removeEmpty(shared)
  // maps.debug and progs.debug are the kernel's own
  if (!ours || namesIn(bpffs).some((name) => !name.endsWith('.debug'))) return
  try {
    unmount(bpffs)
  } catch (error) {
    // somebody works in it: it stays, as one that was mounted by hand would
    if (!isErrno(error, 'EBUSY', 'EPERM')) throw error
  }
}

/** False when there is something in it, or when it does not exist. */
export function removeEmpty(directory: string): boolean {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    // EACCES: the root of cgroups is read-only for whoever lacks CAP_DAC_OVERRIDE
    if (isErrno(error, 'ENOTEMPTY', 'EBUSY', 'ENOENT', 'EEXIST', 'EPERM', 'EACCES')) return false
    throw error
  }
}
