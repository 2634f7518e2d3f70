/**
 * The callbacks that tell both ends of a connection on one node of each other: km_announce for the holder's sockets, km_observe for those of servers that the user names; and
 * km_opt_out for those of clients that user space is to serve.
 * They look at sockets and change no address. In: the instance's pins, cgroups; out: pinned links, brought up to date. Invariant: none where the
 * instance routes no requests; a link to a cgroup that is gone is replaced.
 */
import { closeSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cgroup2Mount, existingCgroup } from '../governed-cgroup.ts'
import { removeLink } from '../links.ts'
import { namesIn, type Pins } from '../pins.ts'
import { cgroupId } from '../sys/cgroup.ts'
import { createLink, linkInfo, updateLink } from '../sys/libbpf-link.ts'
import { openPin, openPinIfThere, pin } from '../sys/libbpf-pin.ts'
import { programInfo } from '../sys/libbpf-program.ts'
import { isErrno } from '../sys/system-error.ts'

const ANNOUNCE = 'km_announce'
const OBSERVE = 'km_observe'
const OPT_OUT = 'km_opt_out'
const ALL = [ANNOUNCE, OBSERVE, OPT_OUT]

/** Real paths of cgroups that the user names. */
export interface NamedCgroups {
  /** of servers on this node */
  readonly servers: readonly string[]
  /** of clients that opted out of the kernel's lanes */
  readonly optedOut: readonly string[]
}

/** Real paths of the directories that the user names. Throws KM9103. */
export function observedCgroups(paths: readonly string[]): readonly string[] {
  const mount = cgroup2Mount()
  return paths.map((asked) => existingCgroup(asked, mount))
}

/** Attaches what is missing, exchanges programs of an older artifact, and drops links to cgroups that are not named any more. */
export function observeSockets(pins: Pins, holder: string, { servers, optedOut }: NamedCgroups): void {
  const wanted = new Map<string, { readonly program: string; readonly cgroup: string }>()
  for (const [program, cgroup] of [
    [ANNOUNCE, holder] as const,
    ...servers.map((path) => [OBSERVE, path] as const),
    ...optedOut.map((path) => [OPT_OUT, path] as const),
  ]) {
    const id = idOf(cgroup)
    if (id !== undefined) wanted.set(`${program}_${id}`, { program, cgroup })
  }
  for (const name of namesIn(pins.links))
    if (ALL.some((program) => name.startsWith(`${program}_`)) && !wanted.has(name)) removeLink(pins.link(name))
  for (const [name, { program, cgroup }] of wanted) {
    const path = newestPin(pins, program)
    if (path === undefined) continue
    const fd = openPin(path)
    try {
      attach(pins.link(name), fd, cgroup)
    } finally {
      closeSync(fd)
    }
  }
}

/** Ids of the cgroups that are observed, decimal. */
export function observedIds(pins: Pins): readonly string[] {
  return namesIn(pins.links).flatMap((name) => (name.startsWith(`${OBSERVE}_`) ? [name.slice(OBSERVE.length + 1)] : []))
}

function attach(path: string, program: number, cgroup: string): void {
  const held = openPinIfThere(path)
  if (held !== null) {
    try {
      if (linkInfo(held).programId !== programInfo(program).id) updateLink(held, program)
    } finally {
      closeSync(held)
    }
    return
  }
  const directory = openSync(cgroup, 'r')
  try {
    const link = createLink(program, directory, 'sock_ops')
    try {
      pin(link, path)
    } finally {
      closeSync(link)
    }
  } finally {
    closeSync(directory)
  }
}

function idOf(cgroup: string): bigint | undefined {
  try {
    return cgroupId(cgroup)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Where a constant program of requests is pinned: an apply that exchanges its object leaves the old one for a moment. undefined: no artifact routes requests. */
export function newestPin(pins: Pins, program: string): string | undefined {
  let best: { readonly path: string; readonly made: number } | undefined
  for (const digest of namesIn(pins.requests)) {
    if (!namesIn(join(pins.requests, digest)).includes(program)) continue
    const path = join(pins.requests, digest, program)
    const made = statSync(path).ctimeMs
    if (best === undefined || made > best.made) best = { path, made }
  }
  return best?.path
}
