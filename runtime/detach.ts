/**
 * Takes an instance out of the kernel. In: its name; out: what was removed. Nothing stays: links, programs, maps, pins, the cgroup that the
 * runtime made (unless somebody is in it) and the bpffs that it mounted (unless others use it). What an apply left beside it that was cut off while it took the instance over
 * (upgrade/upgrade.ts) goes as well, also where the instance itself is gone.
 */
import { existsSync } from 'node:fs'
import { clearInstance, stopDeciding } from './clear.ts'
import { recordedCgroup, removeDefaultCgroup } from './governed-cgroup.ts'
import { readLinks } from './links.ts'
import { nextPinsOf, removeTree } from './pins.ts'
import { claimPlace, findPlace, openPlace, type Place } from './place.ts'
import { findBpffs } from './sys/mountinfo.ts'
import type { HookName } from './sys/libbpf-link.ts'

export interface DetachReport {
  readonly instance: string
  readonly cgroup: string | null
  /** hooks that were attached */
  readonly hooks: readonly HookName[]
  /** made by the user, kept because somebody is in it, or removed */
  readonly cgroupRemoved: boolean
}

export function detach(instance: string): DetachReport {
  const place = placeToLeave(instance)
  const beside = nextPinsOf(place.bpffs, instance)
  try {
    const cgroup = recordedCgroup(place.pins.cgroup)
    const hooks = readLinks(place.pins).map((link) => link.hook)
    // some links may have programs of the one, some of the other
    stopDeciding(beside)
    stopDeciding(place.pins)
    removeTree(beside.root)
    // before the pins that tell of it, so that a detach which is cut off is finished by the next one
    const removed = cgroup !== null && removeDefaultCgroup(instance, cgroup)
    clearInstance(place.pins)
    // processes that were ending then are gone by now
    const cgroupRemoved = removed || (cgroup !== null && removeDefaultCgroup(instance, cgroup))
    return { instance, cgroup, hooks, cgroupRemoved }
  } finally {
    place.release()
  }
}

/** Throws KM9106 when nothing is there. */
function placeToLeave(instance: string): Place {
  const place = findPlace(instance)
  if (place !== null) return place
  const bpffs = findBpffs()
  // its own directory is made for as long as the lock on it is needed
  if (bpffs !== undefined && existsSync(nextPinsOf(bpffs, instance).root)) return claimPlace(instance)
  return openPlace(instance)
}
