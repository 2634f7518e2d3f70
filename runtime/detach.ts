/**
 * Takes an instance out of the kernel. In: its name; out: what was removed. Nothing stays: links, programs, maps, pins, the cgroup that the
 * runtime made (unless somebody is in it) and the bpffs that it mounted (unless others use it).
 */
import { clearInstance, stopDeciding } from './clear.ts'
import { recordedCgroup, removeDefaultCgroup } from './governed-cgroup.ts'
import { readLinks } from './links.ts'
import { openPlace } from './place.ts'
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
  const place = openPlace(instance)
  try {
    const cgroup = recordedCgroup(place.pins.cgroup)
    const hooks = readLinks(place.pins).map((link) => link.hook)
    stopDeciding(place.pins)
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
