/**
 * The links of an instance go from the programs of one runtime to those of another, one by one. In: pins of both, the new base object; out: every hook has a new program. Each exchange is
 * one step of the kernel's and has an undo.
 *
 * The old and the new programs run side by side for the moment that this takes. Where both know the same sockets, what decides goes first: then a connection is given back where it was taken, or by
 * an old program whose count is added later; the other way round a count could fall below 0. Where they do not, what gives back goes first, as it never knows what it did not take.
 */
import { closeSync, linkSync, unlinkSync } from 'node:fs'
import { coded } from '../coded-error.ts'
import type { GovernedCgroup } from '../governed-cgroup.ts'
import { HOOKS } from '../hooks.ts'
import { attach, openBaseProgram, withDirectory } from '../links.ts'
import type { HeldObject } from '../load-object.ts'
import { ensureDirectory, type Pins } from '../pins.ts'
import { linkInfo, updateLink } from '../sys/libbpf-link.ts'
import { openPin, openPinIfThere } from '../sys/libbpf-pin.ts'
import type { Undo } from '../undo.ts'
import type { Fates } from './fates.ts'

export function takeLinks(old: Pins, made: Pins, base: HeldObject, cgroup: GovernedCgroup, sockets: Fates['sockets'], undo: Undo): void {
  ensureDirectory(made.links, undo)
  const order = sockets === 'known' ? [...HOOKS].reverse() : HOOKS
  withDirectory(cgroup.path, (directory) => {
    for (const hook of order) {
      const program = base.programs.find(({ name }) => name === hook)
      if (program === undefined) continue
      const link = openPinIfThere(old.link(hook))
      if (link === null) {
        attach(directory, hook, program.fd, made.link(hook), undo)
        continue
      }
      try {
        const { programId } = linkInfo(link)
        updateLink(link, program.fd)
        undo.add(`program of ${hook}`, () => giveBack(old, hook, programId))
        linkSync(old.link(hook), made.link(hook))
        undo.add(`link ${hook}`, () => unlinkSync(made.link(hook)))
      } finally {
        closeSync(link)
      }
    }
  })
}

function giveBack(old: Pins, hook: (typeof HOOKS)[number], programId: number): void {
  const before = openBaseProgram(old, { hook, programId })
  if (before === null) throw new Error('its pin is gone')
  try {
    const link = openPin(old.link(hook))
    try {
      updateLink(link, before)
    } finally {
      closeSync(link)
    }
  } finally {
    closeSync(before)
  }
}

/** Every link is on the cgroup that is governed, else it would have to be made anew (links.ts), which only its own runtime does. Throws KM9108. */
export function refuseMovedCgroup(old: Pins, cgroup: GovernedCgroup): void {
  for (const hook of HOOKS) {
    const link = openPinIfThere(old.link(hook))
    if (link === null) continue
    try {
      if (linkInfo(link).cgroupId !== cgroup.id)
        throw coded('KM9108', `${cgroup.path} was removed and made again, and the tables of ${old.root} have other layouts`)
    } finally {
      closeSync(link)
    }
  }
}
