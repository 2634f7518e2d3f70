/**
 * Whether two decoded values are the same resource content. In: decoded values; out: yes or no, whatever the order of fields and map keys.
 */
import { Message, RawAny } from './message.ts'

export function equal(a: unknown, b: unknown): boolean {
  if (a === b || (typeof a === 'number' && Number.isNaN(a) && typeof b === 'number' && Number.isNaN(b))) return true
  if (a instanceof Message) return b instanceof Message && equalMessages(a, b)
  if (a instanceof RawAny) return b instanceof RawAny && a.typeName === b.typeName && equal(a.value, b.value)
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && (equalLists(a, b) || equalEntries(a, b))
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(b)) return false
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0
  const keys = Object.keys(a)
  const left = a as Readonly<Record<string, unknown>>
  const right = b as Readonly<Record<string, unknown>>
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(left[key], right[key]))
}

function equalMessages(a: Message, b: Message): boolean {
  if (a.shape.type !== b.shape.type || a.shape.fields.length !== b.shape.fields.length) return false
  return a.shape.fields.every((field, slot) => {
    const other = b.shape.slots.get(field.name)
    return other !== undefined && equal(a.at(slot), b.at(other))
  })
}

function equalLists(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.every((item, index) => equal(item, b[index]))
}

/** maps are lists of [key, value] in the order of the text */
function equalEntries(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (![...a, ...b].every((entry) => Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'string')) return false
  const others = new Map(b as readonly (readonly [string, unknown])[])
  return (a as readonly (readonly [string, unknown])[]).every(([key, value]) => others.has(key) && equal(value, others.get(key)))
}
