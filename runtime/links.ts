/**
 * Attaches the base object's programs to the governed cgroup and keeps them there by pins. In: an open cgroup and programs by hook;
 * out: pinned links. Invariant: a hook is held by one link; a link on a cgroup that is gone is replaced, never updated (pitfall 19: the update would
 * succeed and change nothing).
 */
import { closeSync, existsSync, openSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { HOOKS } from './hooks.ts'
import type { HeldObject } from './load-object.ts'
import { ensureDirectory, namesIn, type Pins, removeTree } from './pins.ts'
import { createLink, detachLink, type HookName, type LinkInfo, linkInfo, updateLink } from './sys/libbpf-link.ts'
import { openPin, openPinIfThere, pin } from './sys/libbpf-pin.ts'
import { pinnedProgramId, programInfo } from './sys/libbpf-program.ts'
import type { Undo } from './undo.ts'

export interface HeldLink extends LinkInfo {
  readonly hook: HookName
}

/** What is pinned, by hook. */
export function readLinks(pins: Pins): readonly HeldLink[] {
  const found: HeldLink[] = []
  for (const hook of HOOKS) {
    const fd = openPinIfThere(pins.link(hook))
    if (fd === null) continue
    try {
      found.push({ hook, ...linkInfo(fd) })
    } finally {
      closeSync(fd)
    }
  }
  return found
}

/** Attaches every hook of `base` for the first time. */
export function attachAll(pins: Pins, cgroup: string, base: HeldObject, undo: Undo): void {
  ensureDirectory(pins.links, undo)
  withDirectory(cgroup, (directory) => {
    for (const { hook, fd } of hooksOf(base)) attach(directory, hook, fd, pins.link(hook), undo)
  })
}

/**
 * Brings existing links to `base` on the cgroup with this id: a link elsewhere is replaced by a new one, a link with another program updated,
 * a hook without link attached. Returns the hooks that had been attached to another cgroup.
 */
export function renewLinks(
  pins: Pins,
  cgroup: { readonly path: string; readonly id: bigint },
  base: HeldObject,
  undo: Undo,
): readonly HookName[] {
  const held = new Map(readLinks(pins).map((link) => [link.hook, link]))
  const moved: HookName[] = []
  ensureDirectory(pins.links, undo)
  withDirectory(cgroup.path, (directory) => {
    for (const { hook, fd, id } of hooksOf(base)) {
      const link = held.get(hook)
      if (link === undefined) attach(directory, hook, fd, pins.link(hook), undo)
      else if (link.cgroupId !== cgroup.id) {
        replace(directory, link, fd, pins, undo)
        moved.push(hook)
      } else if (link.programId !== id) exchange(link, fd, pins, undo)
    }
  })
  return moved
}

/** Detaches everything, what decides first; the connections made so far keep their addresses. */
export function detachAll(pins: Pins): void {
  const order = [...HOOKS].reverse()
  const rank = (name: string): number => order.findIndex((hook) => name.startsWith(hook))
  for (const name of namesIn(pins.links).sort((a, b) => rank(a) - rank(b))) removeLink(join(pins.links, name))
  if (existsSync(pins.links)) rmdirSync(pins.links)
}

function hooksOf(base: HeldObject): readonly { readonly hook: HookName; readonly fd: number; readonly id: number }[] {
  return HOOKS.flatMap((hook) => {
    const program = base.programs.find(({ name }) => name === hook)
    return program === undefined ? [] : [{ hook, fd: program.fd, id: program.info.id }]
  })
}

/** `cgroup`: its open directory. */
export function attach(cgroup: number, hook: HookName, program: number, path: string, undo: Undo): void {
  const link = createLink(program, cgroup, hook)
  try {
    pin(link, path)
    undo.add(`link ${hook}`, () => removeLink(path))
  } finally {
    closeSync(link)
  }
}

/** The old pin stays under another name: sockets of the cgroup that is gone may live on, and give back what they hold through it. */
function replace(cgroup: number, link: HeldLink, program: number, pins: Pins, undo: Undo): void {
  const path = pins.link(link.hook)
  const old = `${path}_${link.cgroupId}`
  renameSync(path, old)
  undo.add(`link ${link.hook}`, () => renameSync(old, path))
  attach(cgroup, link.hook, program, path, undo)
}

/** Drops what `replace` kept, once the last socket of that cgroup is gone and the kernel itself has detached the programs. */
export function dropReplaced(pins: Pins): void {
  for (const name of namesIn(pins.links)) {
    if (HOOKS.some((hook) => hook === name)) continue
    const path = join(pins.links, name)
    if (cgroupOf(path) === NO_CGROUP) removeLink(path)
  }
}

const NO_CGROUP = 0n

function cgroupOf(path: string): bigint {
  const link = openPin(path)
  try {
    return linkInfo(link).cgroupId
  } finally {
    closeSync(link)
  }
}

/** Drops pins of base objects that no link has any more. */
export function dropUnusedBase(pins: Pins): void {
  const used = new Set(readLinks(pins).map((link) => link.programId))
  for (const digest of namesIn(pins.base)) {
    const directory = join(pins.base, digest)
    const held = HOOKS.some((hook) => used.has(pinnedProgramId(join(directory, hook))))
    if (!held) removeTree(directory)
  }
}

function exchange(link: HeldLink, program: number, pins: Pins, undo: Undo): void {
  put(pins.link(link.hook), program)
  undo.add(`program of ${link.hook}`, () => {
    const before = openBaseProgram(pins, link)
    if (before === null) throw new Error('its pin is gone')
    try {
      put(pins.link(link.hook), before)
    } finally {
      closeSync(before)
    }
  })
}

function put(path: string, program: number): void {
  const link = openPin(path)
  try {
    updateLink(link, program)
  } finally {
    closeSync(link)
  }
}

/** The program that a link has, by the pins of the base objects. */
export function openBaseProgram(pins: Pins, link: Pick<HeldLink, 'hook' | 'programId'>): number | null {
  for (const digest of namesIn(pins.base)) {
    const fd = openPinIfThere(join(pins.base, digest, link.hook))
    if (fd === null) continue
    let id: number | undefined
    try {
      id = programInfo(fd).id
    } finally {
      if (id !== link.programId) closeSync(fd)
    }
    if (id === link.programId) return fd
  }
  return null
}

export function removeLink(path: string): void {
  const link = openPin(path)
  try {
    detachLink(link)
  } finally {
    closeSync(link)
  }
  unlinkSync(path)
}

export function withDirectory(path: string, work: (fd: number) => void): void {
  const fd = openSync(path, 'r')
  try {
    work(fd)
  } finally {
    closeSync(fd)
  }
}
