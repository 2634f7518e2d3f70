/**
 * What of a generation can be checked from bpffs alone: are its tables those that are pinned, its programs where they belong, its links attached? In: an open instance and its generation in force;
 * out: one line a fault, with what `repair` can do about it.
 */
import { closeSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM_ARRAYS, type ProgramArray, PROGRAMS_PER_GENERATION } from '../../proto/abi.ts'
import { recordedCgroup } from '../governed-cgroup.ts'
import type { HeldGeneration, OpenInstance } from '../held-generation.ts'
import { HOOKS } from '../hooks.ts'
import { readLinks } from '../links.ts'
import type { HeldUnit } from '../names.ts'
import { namesIn } from '../pins.ts'
import { cgroupId } from '../sys/cgroup.ts'
import { linkInfo } from '../sys/libbpf-link.ts'
import { REQUEST_LINKS } from '../request-programs.ts'
import { lookup, mapInfo, u32 } from '../sys/libbpf-map.ts'
import { openPinIfThere } from '../sys/libbpf-pin.ts'
import { pinnedProgramId } from '../sys/libbpf-program.ts'
import { EPOCH_MAPS } from '../table-shape.ts'

export type StructuralFault =
  /** the map of maps leads elsewhere, or nowhere */
  | { readonly kind: 'table'; readonly map: string; readonly why: 'not shown' | 'another table' | 'its pin is gone' }
  | {
      readonly kind: 'program'
      readonly hook: ProgramArray
      readonly slot: number
      readonly why: 'empty' | 'another program' | 'extra' | 'its pin is gone'
    }
  | { readonly kind: 'link'; readonly hook: string; readonly why: 'not attached' | 'another cgroup' | 'another program' }

export function structuralFaults(open: OpenInstance, { record, names }: HeldGeneration): readonly StructuralFault[] {
  return [
    ...tableFaults(open, record.epoch),
    ...programFaults(open, record.programBase, names.units),
    ...linkFaults(open),
    ...(names.services.length === 0 ? [] : requestLinkFaults(open)),
  ]
}

export function faultText(fault: StructuralFault): string {
  switch (fault.kind) {
    case 'table':
      return `table ${fault.map}: ${fault.why}`
    case 'program':
      return `program ${fault.slot} of ${fault.hook}: ${fault.why}`
    case 'link':
      return `link ${fault.hook}: ${fault.why}`
  }
}

function tableFaults({ pins, tables }: OpenInstance, epoch: number): readonly StructuralFault[] {
  return EPOCH_MAPS.flatMap((spec): readonly StructuralFault[] => {
    const value = u32(0)
    const isShown = lookup(tables.fd(spec.name), u32(epoch), value)
    const pinned = openPinIfThere(join(pins.epoch(epoch), spec.name))
    if (pinned === null) return [{ kind: 'table', map: spec.name, why: 'its pin is gone' }]
    try {
      if (!isShown) return [{ kind: 'table', map: spec.name, why: 'not shown' }]
      return mapInfo(pinned).id === value.readUInt32LE(0) ? [] : [{ kind: 'table', map: spec.name, why: 'another table' }]
    } finally {
      closeSync(pinned)
    }
  })
}

/** Where the program of a slot is pinned; undefined: nothing belongs there. */
export function programPin(
  { pins }: Pick<OpenInstance, 'pins'>,
  units: readonly HeldUnit[],
  hook: ProgramArray,
  slot: number,
): string | undefined {
  for (const { object, slots } of units) {
    const held = slots.find((candidate) => candidate.hook === hook && candidate.slot === slot)
    if (held !== undefined) return join(pins.programs, object, held.program)
  }
  return undefined
}

function programFaults(open: OpenInstance, base: number, units: readonly HeldUnit[]): readonly StructuralFault[] {
  const value = u32(0)
  return PROGRAM_ARRAYS.flatMap((hook) =>
    Array.from({ length: PROGRAMS_PER_GENERATION }, (_, slot) => slot).flatMap((slot): readonly StructuralFault[] => {
      const isFilled = lookup(open.tables.fd(`km_program_${hook}`), u32(base + slot), value)
      const path = programPin(open, units, hook, slot)
      if (path === undefined) return isFilled ? [{ kind: 'program', hook, slot, why: 'extra' }] : []
      if (!existsSync(path)) return [{ kind: 'program', hook, slot, why: 'its pin is gone' }]
      if (!isFilled) return [{ kind: 'program', hook, slot, why: 'empty' }]
      return pinnedProgramId(path) === value.readUInt32LE(0) ? [] : [{ kind: 'program', hook, slot, why: 'another program' }]
    }),
  )
}

function linkFaults({ pins }: OpenInstance): readonly StructuralFault[] {
  const path = recordedCgroup(pins.cgroup)
  const id = path !== null && existsSync(path) ? cgroupId(path) : 0n
  const links = new Map(readLinks(pins).map((link) => [link.hook, link]))
  const ours = basePrograms({ pins })
  return HOOKS.flatMap((hook): readonly StructuralFault[] => {
    const link = links.get(hook)
    if (link === undefined) return [{ kind: 'link', hook, why: 'not attached' }]
    if (link.cgroupId !== id) return [{ kind: 'link', hook, why: 'another cgroup' }]
    return ours.has(link.programId) ? [] : [{ kind: 'link', hook, why: 'another program' }]
  })
}

/** The programs of requests are attached to maps. Where the kernel makes no links for that (before 6.10), none is pinned, and nothing can be told. */
function requestLinkFaults({ pins }: OpenInstance): readonly StructuralFault[] {
  const links = REQUEST_LINKS.map(({ program }) => ({ program, fd: openPinIfThere(pins.link(program)) }))
  try {
    if (links.every(({ fd }) => fd === null)) return []
    return links.flatMap(({ program, fd }): readonly StructuralFault[] => {
      if (fd === null) return [{ kind: 'link', hook: program, why: 'not attached' }]
      const ours = namesIn(pins.requests).map((digest) => join(pins.requests, digest, program))
      const id = linkInfo(fd).programId
      return ours.some((path) => existsSync(path) && pinnedProgramId(path) === id)
        ? []
        : [{ kind: 'link', hook: program, why: 'another program' }]
    })
  } finally {
    for (const { fd } of links) if (fd !== null) closeSync(fd)
  }
}

function basePrograms({ pins }: Pick<OpenInstance, 'pins'>): ReadonlySet<number> {
  return new Set(
    namesIn(pins.base).flatMap((digest) =>
      HOOKS.flatMap((hook) => {
        const path = join(pins.base, digest, hook)
        return existsSync(path) ? [pinnedProgramId(path)] : []
      }),
    ),
  )
}
