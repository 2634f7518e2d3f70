/**
 * The cgroup that an instance governs. In: what the user asked for and what the instance recorded; out: a directory that no other instance
 * governs, neither above nor below. Default: <cgroup2 mount>/kmesh/<instance>, made and removed by the runtime.
 * Invariants: the runtime itself is outside it (pitfall 22); the id tells a directory that was made again from the one before (pitfall 19).
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { coded } from './coded-error.ts'
import { linkTarget, pinsOf } from './pins.ts'
import { exclusively, listInstances, type Place, removeEmpty } from './place.ts'
import { cgroupId, cgroupRelation } from './sys/cgroup.ts'
import { findCgroup2 } from './sys/mountinfo.ts'
import { isErrno } from './sys/system-error.ts'
import type { Undo } from './undo.ts'

export interface GovernedCgroup {
  readonly path: string
  readonly id: bigint
}

const PARENT = 'kmesh'

/** The recorded path of an instance; null when it has none yet. */
export function recordedCgroup(link: string): string | null {
  return linkTarget(link)
}

/** Finds or makes the cgroup of an instance and records it. `asked`: --cgroup. */
export function governCgroup(place: Place, asked: string | undefined, undo: Undo): GovernedCgroup {
  return exclusively(() => {
    const mount = cgroup2Mount()
    const recorded = recordedCgroup(place.pins.cgroup)
    const path = asked === undefined ? makeDefault(recorded, mount, place.instance, undo) : existingCgroup(asked, mount)
    if (recorded !== null && recorded !== path) {
      throw coded('KM9105', `instance "${place.instance}" governs ${recorded}, not ${path}`)
    }
    refuseNested(place, path)
    refuseOwnCgroup(path, mount)
    if (recorded === null) {
      symlinkSync(path, place.pins.cgroup)
      undo.add('record of the cgroup', () => unlinkSync(place.pins.cgroup))
    }
    return { path, id: cgroupId(path) }
  })
}

export function cgroup2Mount(): string {
  const mount = findCgroup2()
  if (mount === undefined) {
    throw coded('KM9103', 'no cgroup v2 hierarchy is mounted', { fix: 'Mount one, for instance `mount -t cgroup2 none /sys/fs/cgroup`.' })
  }
  return realpathSync(mount)
}

/** Removes the default cgroup of an instance when nobody is in it, and its parent when no other is there. True when the directory is gone. */
export function removeDefaultCgroup(instance: string, path: string): boolean {
  return exclusively(() => {
    const parent = join(cgroup2Mount(), PARENT)
    if (path !== join(parent, instance)) return false
    const removed = removeEmpty(path)
    removeEmpty(parent)
    return removed
  })
}

function makeDefault(recorded: string | null, mount: string, instance: string, undo: Undo): string {
  const path = join(mount, PARENT, instance)
  if (recorded !== null && recorded !== path) return existingCgroup(recorded, mount)
  if (existsSync(path)) return path
  mkdirSync(path, { recursive: true })
  undo.add('cgroup', () => {
    exclusively(() => {
      removeEmpty(path)
      removeEmpty(join(mount, PARENT))
    })
  })
  return path
}

/** The real path of a directory that the user names. Throws KM9103. */
export function existingCgroup(asked: string, mount: string): string {
  let path: string
  try {
    path = realpathSync(asked)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) throw coded('KM9103', `${asked} does not exist`)
    throw error
  }
  const inside = cgroupRelation(path, mount)
  if ((inside !== 'same' && inside !== 'descendant') || !statSync(path).isDirectory()) {
    throw coded('KM9103', `${asked} is no directory of the cgroup v2 hierarchy at ${mount}`)
  }
  return path
}

function refuseNested(place: Place, path: string): void {
  for (const other of listInstances(place.bpffs)) {
    if (other === place.instance) continue
    const governed = recordedCgroup(pinsOf(place.bpffs, other).cgroup)
    if (governed === null) continue
    const relation = cgroupRelation(path, governed)
    if (relation === 'apart') continue
    throw coded('KM9104', `${path} is ${RELATION[relation]} ${governed}, which instance "${other}" governs`)
  }
}

const RELATION = { same: 'the same cgroup as', ancestor: 'above', descendant: 'below' } as const

export function refuseOwnCgroup(path: string, mount: string): void {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
  if (own === undefined) return
  const relation = cgroupRelation(join(mount, own).replace(/\/$/, ''), path)
  if (relation === 'same' || relation === 'descendant') throw coded('KM9112', `this process is in ${join(mount, own)}, inside ${path}`)
}
