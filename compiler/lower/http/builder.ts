/**
 * The tables of HTTP while they are built. In: rows, texts and names. Out: the bytes of km_http and km_name, and where state indices stand in them.
 * Invariant: row 0 is never used; equal texts and equal lists share their rows; a name is entered once, and two texts of one scope never have the same hash
 * (the second one is refused, so that its owner goes to user space).
 */
import { type Field, get, get64, type Layout, put } from '../../../proto/layout.ts'
import { HTTP_ROW_SIZE, nameKey, nameValue } from '../../../proto/http/tables.ts'
import { hashText } from '../../../proto/http/text-hash.ts'
import { createHashIndex, hashOfText } from '../hash-index.ts'
import { createRowTable } from '../rows.ts'
import type { RouteFeature } from './features.ts'
import type { HttpContext, HttpTables } from './lowered.ts'
import { automatonRows } from './automata.ts'
import { replacerRows } from './replacer.ts'
import { bytesOfText } from './text.ts'

type Values = Readonly<Record<string, number | bigint | Uint8Array | readonly number[]>>

/** A text in km_http. */
export interface PlacedText {
  readonly row: number
  /** bytes */
  readonly length: number
}

export interface NameEntry {
  readonly scope: number
  /** NAME_* */
  readonly kind: number
  /** one character a byte */
  readonly text: string
  readonly target: number
  readonly extra?: number
}

export interface HttpBuilder {
  readonly context: HttpContext
  /** Appends a row; absent fields are 0. */
  push(layout: Layout, values: Values): number
  /** As push, but rows of equal bytes are one row. */
  share(layout: Layout, values: Values): number
  /** Consecutive rows, shared with an equal run when there is one. */
  shareRun(rows: readonly { readonly layout: Layout; readonly values: Values }[]): number
  /** Consecutive rows of zeros, to be filled with `set`; the number of the first. */
  reserve(count: number): number
  set(row: number, layout: Layout, values: Values): void
  /** Says that a u32 field of a row is a local state index. */
  relocate(row: number, layout: Layout, field: string): void
  /** `text`: one character a byte. The empty text has a row too. */
  text(text: string): PlacedText
  /** false: another text has its place, or it is too long; its owner must go to user space */
  name(entry: NameEntry): boolean
  /** First row of a regex's automaton; undefined: the kernel cannot say it. */
  automaton(source: string): number | undefined
  /** First row of the automaton that finds a regex and the places of some of its groups; undefined: the kernel cannot say it. */
  replacer(source: string, groups: readonly number[]): number | undefined
  /** the program that finds routes has to know this */
  uses(feature: RouteFeature): void
  readonly features: ReadonlySet<RouteFeature>
  finish(): HttpTables
}

export function createHttpBuilder(context: HttpContext): HttpBuilder {
  const rows = createRowTable(HTTP_ROW_SIZE)
  rows.append(new Uint8Array(HTTP_ROW_SIZE))
  const keys = createRowTable(nameKey.size)
  const values = createRowTable(nameValue.size)
  /** each text has a number: where it stands, and its length */
  const texts = createHashIndex()
  const textRows: number[] = []
  const textLengths: number[] = []
  /** runs of rows that are shared, by their rows */
  const runs = createHashIndex()
  /** names by their rows of `keys` */
  const names = createHashIndex()
  const automata = new Map<string, number | undefined>()
  const replacers = new Map<string, number | undefined>()
  const relocations: number[] = []
  const features = new Set<RouteFeature>()

  const scratch = createScratch()
  const encode = (layout: Layout, fields: Values): Uint8Array => {
    const bytes = scratch.rows(1)
    write(bytes, scratch.view, 0, layout, fields)
    return bytes
  }
  const stands = (given: string, row: number): boolean => {
    const { bytes } = rows
    const base = row * HTTP_ROW_SIZE
    for (let at = 0; at < given.length; at++) if (bytes[base + at] !== given.charCodeAt(at)) return false
    return true
  }
  const text = (given: string): PlacedText => {
    const { length } = given
    const hash = hashOfText(given)
    const held = texts.find(hash, (number) => textLengths[number] === length && stands(given, textRows[number] ?? 0))
    if (held !== undefined) return { row: textRows[held] ?? 0, length }
    const padded = new Uint8Array(Math.max(1, Math.ceil(length / HTTP_ROW_SIZE)) * HTTP_ROW_SIZE)
    padded.set(bytesOfText(given))
    const row = rows.append(padded)
    texts.add(hash, textRows.length)
    textRows.push(row)
    textLengths.push(length)
    return { row, length }
  }
  const runLengths: number[] = []
  const runRows: number[] = []
  const shareBytes = (bytes: Uint8Array): number => {
    const { length } = bytes
    const hash = hashOfRows(bytes)
    const held = runs.find(
      hash,
      (number) => runLengths[number] === length && isRun(rows.bytes, (runRows[number] ?? 0) * HTTP_ROW_SIZE, bytes),
    )
    if (held !== undefined) return runRows[held] ?? 0
    const row = rows.append(bytes)
    runs.add(hash, runRows.length)
    runRows.push(row)
    runLengths.push(length)
    return row
  }
  return {
    context,
    push: (layout, fields) => rows.append(encode(layout, fields)),
    share: (layout, fields) => shareBytes(encode(layout, fields)),
    shareRun: (run) => {
      const bytes = scratch.rows(run.length)
      let base = 0
      for (const { layout, values: fields } of run) {
        write(bytes, scratch.view, base, layout, fields)
        base += HTTP_ROW_SIZE
      }
      return shareBytes(bytes)
    },
    reserve: (count) => rows.append(new Uint8Array(count * HTTP_ROW_SIZE)),
    set: (row, layout, fields) => {
      const { bytes } = rows
      write(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), row * HTTP_ROW_SIZE, layout, fields)
    },
    relocate: (row, layout, field) => {
      const at = layout.fields[field]
      if (at === undefined) throw new Error(`${layout.name} has no field ${field}`)
      relocations.push(row * HTTP_ROW_SIZE + at.offset)
    },
    text,
    name({ scope, kind, text: given, target, extra = 0 }) {
      const hash = hashText(given)
      if (hash === undefined) return false
      const key = { scope, kind, length: given.length, hash }
      const short = Number(BigInt.asUintN(32, hash)) ^ Math.imul(scope, 31) ^ kind
      const held = names.find(short, (number) => isKey(keys.bytes, number, key))
      if (held !== undefined) return stands(given, textOf(values.bytes, held))
      names.add(short, keys.count)
      keys.push(nameKey, key)
      values.push(nameValue, { text: text(given).row, target, extra })
      return true
    },
    automaton(source) {
      if (!automata.has(source)) {
        const made = automatonRows(source)
        automata.set(source, made === undefined ? undefined : shareBytes(made))
      }
      return automata.get(source)
    },
    replacer(source, groups) {
      const key = `${groups.join()} ${source}`
      if (!replacers.has(key)) {
        const made = replacerRows(source, groups)
        replacers.set(key, made === undefined ? undefined : shareBytes(made))
      }
      return replacers.get(key)
    },
    uses: (feature) => {
      features.add(feature)
    },
    features,
    finish: () => ({
      http: rows.bytes,
      name: { keys: keys.bytes, values: values.bytes },
      httpRelocations: Uint32Array.from(relocations).sort(),
    }),
  }
}

function isKey(
  keys: Uint8Array,
  number: number,
  key: Readonly<Record<'scope' | 'kind' | 'length', number>> & { readonly hash: bigint },
): boolean {
  const view = new DataView(keys.buffer, keys.byteOffset + number * nameKey.size, nameKey.size)
  const { scope, kind, length, hash } = nameKey.fields as Readonly<Record<keyof typeof key, Field>>
  return (
    get64(view, 0, hash) === key.hash &&
    get(view, 0, length) === key.length &&
    get(view, 0, kind) === key.kind &&
    get(view, 0, scope) === key.scope
  )
}

/** the row where a name's text begins */
function textOf(values: Uint8Array, number: number): number {
  const view = new DataView(values.buffer, values.byteOffset + number * nameValue.size, nameValue.size)
  return get(view, 0, nameValue.fields.text as Field)
}

/** Rows of zeros that are used again and again: they are copied when they are appended. */
function createScratch(): { rows(count: number): Uint8Array; readonly view: DataView } {
  let bytes = new Uint8Array(HTTP_ROW_SIZE * 16)
  let view = new DataView(bytes.buffer)
  return {
    rows(count) {
      const size = count * HTTP_ROW_SIZE
      if (size > bytes.length) {
        bytes = new Uint8Array(size * 2)
        view = new DataView(bytes.buffer)
      } else bytes.fill(0, 0, size)
      return bytes.subarray(0, size)
    },
    get view() {
      return view
    },
  }
}

/** FNV-1a over its words */
function hashOfRows(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < bytes.length; at += 4)
    hash = Math.imul(
      hash ^ ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)),
      0x01000193,
    )
  return hash >>> 0
}

function isRun(rows: Uint8Array, base: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (rows[base + at] !== bytes[at]) return false
  return true
}

function write(bytes: Uint8Array, view: DataView, base: number, layout: Layout, fields: Values): void {
  if (layout.size !== HTTP_ROW_SIZE) throw new Error(`${layout.name} is ${layout.size} bytes`)
  for (const name in fields) {
    const value = fields[name]
    if (value === undefined) continue
    const field = layout.fields[name]
    if (field === undefined) throw new Error(`${layout.name} has no field ${name}`)
    if (typeof value === 'number' || typeof value === 'bigint') put(view, base, field, value)
    else if (value instanceof Uint8Array) bytes.set(value, base + field.offset)
    else for (let index = 0; index < value.length; index++) put(view, base, field, value[index] ?? 0, index)
  }
}
