/**
 * An apply that was cut off while it took an instance over. In: the place of the instance; out: one runtime's maps and programs, whole, and what was found. Which: the new ones when every link
 * already has a new program, as connections are counted there by then; else the old ones.
 */
import { closeSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, warning } from '../coded-error.ts'
import { layoutsOf } from '../condition.ts'
import { HOOKS } from '../hooks.ts'
import { readLinks } from '../links.ts'
import { namesIn, nextPinsOf, type Pins, removeTree } from '../pins.ts'
import type { Place } from '../place.ts'
import { exchangeNames } from '../sys/libc.ts'
import { updateLink } from '../sys/libbpf-link.ts'
import { openPin, openPinIfThere } from '../sys/libbpf-pin.ts'
import { pinnedProgramId } from '../sys/libbpf-program.ts'
import { type Lock, tryLock } from '../sys/lock.ts'

export interface Recovered {
  readonly finding: Finding
  /** on the directory that is the instance's from now on; null: the one it had */
  readonly lock: Lock | null
}

/** Null: there was nothing of the kind. */
export function recoverUpgrade({ instance, bpffs, pins: old }: Place): Recovered | null {
  const made = nextPinsOf(bpffs, instance)
  if (!existsSync(made.root)) return null
  const found = (what: string, lock: Lock | null): Recovered => {
    removeTree(made.root)
    return { finding: warning('KM9135', `instance "${instance}": an apply that took over from other layouts was cut off; ${what}`), lock }
  }
  if (layoutsOf(old) !== 'others') return found('what it replaced was left behind', null)
  const links = readLinks(old)
  const fresh = links.filter(({ hook, programId }) => programsOf(made, hook).some((path) => pinnedProgramId(path) === programId))
  if (links.length > 0 && fresh.length === links.length && HOOKS.every((hook) => existsSync(made.link(hook)))) {
    const lock = tryLock(made.root)
    exchangeNames(made.root, old.root)
    return found('it was brought to its end', lock)
  }
  for (const { hook } of fresh) giveBack(old, hook)
  return found('what was in force before is again', null)
}

function giveBack(pins: Pins, hook: (typeof HOOKS)[number]): void {
  const [path] = programsOf(pins, hook)
  if (path === undefined) return
  const program = openPin(path)
  const link = openPinIfThere(pins.link(hook))
  try {
    if (link !== null) updateLink(link, program)
  } finally {
    closeSync(program)
    if (link !== null) closeSync(link)
  }
}

function programsOf(pins: Pins, hook: string): readonly string[] {
  return namesIn(pins.base)
    .map((digest) => join(pins.base, digest, hook))
    .filter(existsSync)
}
