/**
 * The constant programs of requests: on the maps of sockets, not on a cgroup. In: an artifact that routes requests, and the instance's tables. Out: its objects
 * loaded and pinned, their programs attached to the maps of sockets.
 *
 * A socket keeps the program that its map had when it came in, so these only dispatch. A link (kernel 6.10) is pinned like those to the cgroup; without
 * one the program stays attached as long as the map is pinned.
 */
import { closeSync } from 'node:fs'
import type { Artifact } from '../proto/artifact/format.ts'
import { coded } from './coded-error.ts'
import { holdConstant } from './hold-programs.ts'
import { removeLink } from './links.ts'
import { type HeldObject, openAllHeld } from './load-object.ts'
import { ensureDirectory, type Pins } from './pins.ts'
import { linkInfo, updateLink } from './sys/libbpf-link.ts'
import { openPinIfThere, pin } from './sys/libbpf-pin.ts'
import { attachToSockmap, createSockmapLink, detachFromSockmap, type SockmapHook } from './sys/libbpf-sockmap.ts'
import type { Tables } from './tables.ts'
import type { Undo } from './undo.ts'

interface Attachment {
  readonly unit: string
  readonly program: string
  readonly map: string
  readonly hook: SockmapHook
}

const ATTACHMENTS: readonly Attachment[] = [
  { unit: 'reply_remote', program: 'km_reply_remote', map: 'km_upstreams', hook: 'sk_skb_verdict' },
  { unit: 'reply_local', program: 'km_reply_local', map: 'km_servers', hook: 'sk_msg' },
  { unit: 'http', program: 'km_request', map: 'km_clients', hook: 'sk_msg' },
]
/** Pins of their links, and the unit of each. Kernels before 6.10 have no such links. */
export const REQUEST_LINKS: readonly Pick<Attachment, 'unit' | 'program'>[] = ATTACHMENTS
export const REQUEST_UNITS: readonly string[] = ['http', 'reply_local', 'reply_remote']

/** None when the artifact routes no requests. */
export function holdRequestPrograms(pins: Pins, artifact: Artifact, tables: Tables, undo: Undo): readonly HeldObject[] {
  return REQUEST_UNITS.filter((unit) => artifact.programs.has(unit)).map((unit) =>
    holdConstant({ unit, directory: pins.requests }, artifact, tables, undo),
  )
}

/** Those that are pinned, by the link that each has to have; none when some are missing. */
export function heldRequestPrograms(pins: Pins): readonly HeldObject[] {
  const objects = openAllHeld(pins.requests)
  const whole = ATTACHMENTS.every(({ program }) => objects.some(({ programs }) => programs.some(({ name }) => name === program)))
  if (!whole) for (const object of objects) object.close()
  return whole ? objects : []
}

/** Attaches them, or exchanges those of an older artifact. */
export function attachRequestPrograms(pins: Pins, tables: Tables, objects: readonly HeldObject[], undo: Undo): void {
  for (const attachment of objects.length === 0 ? [] : ATTACHMENTS) {
    const program = objects.flatMap(({ programs }) => programs).find(({ name }) => name === attachment.program)
    if (program === undefined) throw coded('KM9110', `programs/${attachment.unit}.o has no program "${attachment.program}"`)
    attach(pins, attachment, program, tables.fd(attachment.map), undo)
  }
}

function attach(pins: Pins, { program: name, hook }: Attachment, program: HeldObject['programs'][number], map: number, undo: Undo): void {
  const path = pins.link(name)
  const held = openPinIfThere(path)
  if (held !== null) {
    try {
      const before = linkInfo(held).programId
      if (before !== program.info.id) updateLink(held, program.fd)
    } finally {
      closeSync(held)
    }
    return
  }
  ensureDirectory(pins.links, undo)
  const link = createSockmapLink(program.fd, map, hook)
  if (link === null) {
    attachToSockmap(program.fd, map, hook)
    undo.add(`program ${name}`, () => detachFromSockmap(program.fd, map, hook))
    return
  }
  try {
    pin(link, path)
    undo.add(`link ${name}`, () => removeLink(path))
  } finally {
    closeSync(link)
  }
}
