/**
 * A regex that is replaced in the path, as rows (proto/http/replacing.ts). In: the pattern and what stands in the place of its matches. Out: the text of the piece that names both, or undefined: user
 * space has to.
 */
import { put } from '../../../proto/layout.ts'
import {
  REPLACE_END,
  REPLACE_NEEDS_SLASH,
  REPLACE_NEEDS_SOME,
  REPLACE_NONE,
  REPLACE_PARTS_MAX,
  REPLACE_TEXT_BYTES,
  replacement,
  replacePart,
} from '../../../proto/http/replacing.ts'
import type { HttpBuilder } from './builder.ts'
import { readSubstitution, type SubstitutionPart } from './substitution.ts'
import { bytesOfText } from './text.ts'
import type { ValuePart } from './values.ts'

type Replaced = Extract<ValuePart, { readonly kind: 'replaced' }>

const NEEDS = { nothing: 0, something: REPLACE_NEEDS_SOME, slash: REPLACE_NEEDS_SLASH } as const

export function placeReplacement({ pattern, substitution, needed }: Replaced, builder: HttpBuilder): Uint8Array | undefined {
  const parts = readSubstitution(substitution)
  if (parts === undefined) return undefined
  const groups = [...new Set(parts.flatMap((part) => (part.kind === 'group' && part.group > 0 ? [part.group] : [])))]
  const replacer = builder.replacer(pattern, groups)
  const rows = parts.flatMap((part) => rowsOf(part, groups))
  if (replacer === undefined || rows.length > REPLACE_PARTS_MAX) return undefined
  const text = new Uint8Array(replacement.size)
  const view = new DataView(text.buffer)
  const part = rows.length === 0 ? 0 : builder.shareRun(rows.map((values) => ({ layout: replacePart, values })))
  for (const [name, value] of Object.entries({ replacer, part, count: rows.length, needed: NEEDS[needed] })) {
    const field = replacement.fields[name]
    if (field !== undefined) put(view, 0, field, value)
  }
  return text
}

type Part = Readonly<Record<string, number | Uint8Array>>

function rowsOf(part: SubstitutionPart, groups: readonly number[]): readonly Part[] {
  if (part.kind === 'group') {
    const index = groups.indexOf(part.group)
    return [index < 0 ? { from: 0, to: REPLACE_END } : { from: 1 + 2 * index, to: 2 + 2 * index }]
  }
  const bytes = bytesOfText(part.text)
  return Array.from({ length: Math.ceil(bytes.length / REPLACE_TEXT_BYTES) }, (_, row) => {
    const text = bytes.subarray(row * REPLACE_TEXT_BYTES, (row + 1) * REPLACE_TEXT_BYTES)
    return { from: REPLACE_NONE, length: text.length, text }
  })
}
