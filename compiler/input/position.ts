/**
 * Where things stand in the text. In: xDS paths, pointers, offsets; out: file, line and column, both from 1, columns in characters.
 * Nothing is kept while parsing: the text is scanned along the pointer when somebody asks, and what was met on the way is remembered.
 * A binary response has no lines: its bytes are columns of line 1, counted from 1.
 */
import type { Place } from '../diag/place.ts'
import type { Pointer } from './found.ts'
import { createJsonPositions, type JsonPositions } from './json-position.ts'
import type { Landmarks } from './json-text.ts'
import { createLines, type Lines } from './lines.ts'
import { parsePath } from './path.ts'
import type { Language, OffsetUnit } from './read-text.ts'
import type { Schema } from './schema.ts'
import type { Source } from './text.ts'
import { createWirePositions } from './wire-position.ts'
import { createYamlPositions } from './yaml-position.ts'

/** Where a document begins: a TextDocument without its value, which is large. */
export interface DocumentStart {
  readonly language: Language
  readonly start: number
}

export interface Locator {
  /** landmarks of a JSON text, for speed */
  mark(source: number, landmarks: Landmarks): void
  /** says where the resource with this path stands; the first place counts */
  add(path: string, source: number, document: DocumentStart, pointer: Pointer): void
  locate(path: string): Place | undefined
  /** the bytes of the resource with this path; undefined where the text is not JSON */
  span(path: string): Span | undefined
  pointer(source: number, document: DocumentStart, pointer: Pointer): Place | undefined
  offset(source: number, unit: OffsetUnit, offset: number): Place
}

/** Bytes of a source: from `start` up to `end`. */
export interface Span {
  readonly source: number
  readonly start: number
  readonly end: number
}

/** Finds the byte (JSON, binary) or character (YAML) offset of the deepest part of the pointer that is in the text. */
export interface Positions {
  offset(start: number, pointer: Pointer): number
}

const UNITS: Readonly<Record<Language, OffsetUnit>> = { json: 'byte', yaml: 'character', binary: 'binary' }

interface Root extends DocumentStart {
  readonly source: number
  readonly pointer: Pointer
}

/** of a resource that is a document of its own */
const TOP: Pointer = []

export function createLocator(sources: readonly Source[], schema: Schema): Locator {
  const roots = new Map<string, Root>()
  const lines = new Map<number, Lines>()
  const positions = new Map<string, Positions>()
  const json = new Map<number, JsonPositions>()
  const marks = new Map<number, Landmarks>()

  const linesOf = (index: number) => cached(lines, index, () => createLines(sources[index]?.bytes ?? new Uint8Array(0)))
  const positionsOf = (index: number, language: DocumentStart['language']) =>
    cached(positions, `${language} ${index}`, () => {
      const bytes = sources[index]?.bytes ?? new Uint8Array(0)
      if (language === 'binary') return createWirePositions(bytes, schema)
      return language === 'json' ? jsonOf(index) : createYamlPositions(bytes)
    })
  const jsonOf = (index: number) =>
    cached(json, index, () => createJsonPositions(sources[index]?.bytes ?? new Uint8Array(0), marks.get(index) ?? new Map()))

  const place = (source: number, unit: OffsetUnit, offset: number): Place => ({
    file: sources[source]?.name ?? '',
    ...(unit === 'binary'
      ? { line: 1, column: offset + 1 }
      : unit === 'byte'
        ? linesOf(source).byte(offset)
        : linesOf(source).character(offset)),
  })
  const pointer = (source: number, document: DocumentStart, steps: Pointer): Place =>
    place(source, UNITS[document.language], positionsOf(source, document.language).offset(document.start, steps))

  return {
    mark(source, landmarks) {
      marks.set(source, landmarks)
    },
    add(path, source, document, steps) {
      if (roots.has(path)) return
      const { language, start } = document
      // a list that was made by adding has room for more
      roots.set(path, { source, language, start, pointer: steps.length === 0 ? TOP : steps.slice() })
    },
    locate(path) {
      const { root, steps } = parsePath(path)
      const found = roots.get(root)
      return found && pointer(found.source, found, [...found.pointer, ...steps])
    },
    span(path) {
      const found = roots.get(path)
      if (found?.language !== 'json') return undefined
      const span = jsonOf(found.source).span(found.start, found.pointer)
      return span && { source: found.source, ...span }
    },
    pointer,
    offset: place,
  }
}

function cached<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
