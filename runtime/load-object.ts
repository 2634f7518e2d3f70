/**
 * Objects of programs, loaded once and kept by pins named after their digest. In: ELF bytes and the instance's maps; out: open programs.
 * Invariants: an object whose programs are pinned is not loaded again; a directory of pins is complete or removed.
 */
import { closeSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../proto/artifact/sha256.ts'
import { ensureDirectory, namesIn, removeTree } from './pins.ts'
import { type LoadedProgram, loadObjectFromMemory } from './sys/libbpf.ts'
import { openPin, pin } from './sys/libbpf-pin.ts'
import { type ProgramInfo, programInfo } from './sys/libbpf-program.ts'
import type { Undo } from './undo.ts'

export interface HeldProgram {
  /** what it is pinned as */
  readonly name: string
  readonly fd: number
  readonly info: ProgramInfo
}

export interface HeldObject {
  readonly unit: string
  /** name of its directory of pins */
  readonly digest: string
  readonly source: 'loaded' | 'pinned'
  readonly programs: readonly HeldProgram[]
  close(): void
}

const DIGEST_CHARACTERS = 32
/** Directory entry that says how many programs are pinned when all are. */
const COMPLETE_MARK = '_complete_'

export function isCompleteMark(name: string): boolean {
  return name.startsWith(COMPLETE_MARK)
}

export function objectDigest(bytes: Uint8Array): string {
  return sha256(bytes).slice(0, DIGEST_CHARACTERS)
}

/** An object to load. */
export interface ObjectSource {
  readonly unit: string
  readonly bytes: Uint8Array
  /** pin name of a program; its name in the object when absent */
  readonly pinName?: (program: LoadedProgram) => string
}

/** Opens the programs of an object under `directory`, loading it where it is not pinned yet. Throws LoadError. */
export function holdObject(source: ObjectSource, directory: string, maps: ReadonlyMap<string, number>, undo: Undo): HeldObject {
  const { unit, bytes } = source
  const digest = objectDigest(bytes)
  const pins = join(directory, digest)
  const names = namesIn(pins)
  if (names.includes(`${COMPLETE_MARK}${names.length - 1}`)) return openHeld(unit, digest, pins, names)
  removeTree(pins)
  const object = loadObjectFromMemory(bytes, unit, maps)
  try {
    ensureDirectory(directory, undo)
    mkdirSync(pins)
    undo.add(`programs of ${unit}`, () => removeTree(pins))
    const programs = object.programs.map((program) => ({
      name: source.pinName?.(program) ?? program.name,
      fd: program.fd,
      info: programInfo(program.fd),
    }))
    for (const program of programs) pin(program.fd, join(pins, program.name))
    mkdirSync(join(pins, `${COMPLETE_MARK}${programs.length}`))
    return { unit, digest, source: 'loaded', programs, close: () => object.close() }
  } catch (error) {
    object.close()
    throw error
  }
}

/** All objects that are pinned whole below `directory`, named by their digest. */
export function openAllHeld(directory: string): readonly HeldObject[] {
  return namesIn(directory).flatMap((digest) => {
    const pins = join(directory, digest)
    const names = namesIn(pins)
    return names.includes(`${COMPLETE_MARK}${names.length - 1}`) ? [openHeld(digest, digest, pins, names)] : []
  })
}

function openHeld(unit: string, digest: string, pins: string, names: readonly string[]): HeldObject {
  const programs: HeldProgram[] = []
  const opened: number[] = []
  const close = (): void => {
    for (const fd of opened) closeSync(fd)
  }
  try {
    for (const name of names) {
      if (isCompleteMark(name)) continue
      const fd = openPin(join(pins, name))
      opened.push(fd)
      programs.push({ name, fd, info: programInfo(fd) })
    }
  } catch (error) {
    close()
    throw error
  }
  return { unit, digest, source: 'pinned', programs, close }
}
