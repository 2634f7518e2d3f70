/**
 * The tables of HTTP while they are built. In: rows, texts and names. Out: the bytes of km_http and km_name, and where state indices stand in them.
 * Invariant: row 0 is never used; equal texts and equal lists share their rows; a name is entered once, and two texts of one scope never have the same hash
 * (the second one is refused, so that its owner goes to user space).
 */
import type { Layout } from '../../../proto/abi.ts'
import { put } from '../../../proto/abi.ts'
import { HTTP_ROW_SIZE, nameKey, nameValue } from '../../../proto/http/tables.ts'
import { hashText } from '../../../proto/http/text-hash.ts'
import { createRowTable } from '../rows.ts'
import type { RouteFeature } from './features.ts'
import type { HttpContext, HttpTables } from './lowered.ts'
import { automatonRows } from './automata.ts'
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
  const texts = new Map<string, PlacedText>()
  const shared = new Map<string, number>()
  const names = new Map<string, string>()
  const automata = new Map<string, number | undefined>()
  const relocations: number[] = []
  const features = new Set<RouteFeature>()

  const encode = (layout: Layout, fields: Values): Uint8Array => {
    const bytes = new Uint8Array(HTTP_ROW_SIZE)
    write(bytes, 0, layout, fields)
    return bytes
  }
  const text = (given: string): PlacedText => {
    const held = texts.get(given)
    if (held !== undefined) return held
    const padded = new Uint8Array(Math.max(1, Math.ceil(given.length / HTTP_ROW_SIZE)) * HTTP_ROW_SIZE)
    padded.set(bytesOfText(given))
    const placed = { row: rows.append(padded), length: given.length }
    texts.set(given, placed)
    return placed
  }
  const shareBytes = (bytes: Uint8Array): number => {
    const key = Buffer.from(bytes).toString('latin1')
    const held = shared.get(key)
    if (held !== undefined) return held
    const row = rows.append(bytes)
    shared.set(key, row)
    return row
  }
  return {
    context,
    push: (layout, fields) => rows.append(encode(layout, fields)),
    share: (layout, fields) => shareBytes(encode(layout, fields)),
    shareRun: (run) => {
      const bytes = new Uint8Array(run.length * HTTP_ROW_SIZE)
      for (const [index, { layout, values: fields }] of run.entries()) write(bytes, index * HTTP_ROW_SIZE, layout, fields)
      return shareBytes(bytes)
    },
    reserve: (count) => rows.append(new Uint8Array(count * HTTP_ROW_SIZE)),
    set: (row, layout, fields) => write(rows.bytes, row * HTTP_ROW_SIZE, layout, fields),
    relocate: (row, layout, field) => {
      const at = layout.fields[field]
      if (at === undefined) throw new Error(`${layout.name} has no field ${field}`)
      relocations.push(row * HTTP_ROW_SIZE + at.offset)
    },
    text,
    name({ scope, kind, text: given, target, extra = 0 }) {
      const hash = hashText(given)
      if (hash === undefined) return false
      const key = `${scope}/${kind}/${given.length}/${hash}`
      const held = names.get(key)
      if (held !== undefined) return held === given
      names.set(key, given)
      keys.push(nameKey, { scope, kind, length: given.length, hash })
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
    uses: (feature) => {
      features.add(feature)
    },
    features,
    finish: () => ({
      http: rows.bytes.slice(),
      name: { keys: keys.bytes.slice(), values: values.bytes.slice() },
      httpRelocations: Uint32Array.from(relocations).sort(),
    }),
  }
}

function write(bytes: Uint8Array, base: number, layout: Layout, fields: Values): void {
  if (layout.size !== HTTP_ROW_SIZE) throw new Error(`${layout.name} is ${layout.size} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (const [name, value] of Object.entries(fields)) {
    const field = layout.fields[name]
    if (field === undefined) throw new Error(`${layout.name} has no field ${name}`)
    if (value instanceof Uint8Array) bytes.set(value, base + field.offset)
    else if (typeof value === 'object') for (const [index, one] of value.entries()) put(view, base, field, one, index)
    else put(view, base, field, value)
  }
}
