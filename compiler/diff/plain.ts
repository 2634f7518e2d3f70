/**
 * Decoded content as plain JSON with Envoy's field names. In: a Message or what its fields hold; out: objects, lists and scalars in which equal meaning is
 * equal text: keys sorted, a scalar that has its proto3 default (which no wire format can tell from an unset one) left out, durations as "1.5s",
 * bytes as base64, 64-bit integers as text, an Any as {"@type", ...}.
 */
import { Message, RawAny } from '../input/message.ts'
import type { Field } from '../input/schema.ts'

export type Scalar = string | number | boolean | null
export type Plain = Scalar | readonly Plain[] | PlainObject
export interface PlainObject {
  readonly [name: string]: Plain
}

export function toPlain(content: Message | RawAny): PlainObject {
  if (content instanceof RawAny) return { '@type': content.typeName, value: anything(content.value) }
  const made: [string, Plain][] = []
  for (const [slot, field] of content.shape.fields.entries()) {
    const value = fieldValue(content.at(slot), field)
    if (value !== undefined) made.push([field.name, value])
  }
  return sorted(made)
}

function fieldValue(value: unknown, field: Field): Plain | undefined {
  if (value === undefined) return undefined
  if (field.map !== undefined)
    return sorted((value as readonly (readonly [unknown, unknown])[]).map(([key, item]) => [String(key), single(item, field)] as const))
  if (field.repeated) {
    const list = value as readonly unknown[]
    return list.length === 0 ? undefined : list.map((item) => single(item, field))
  }
  const plain = single(value, field)
  return isUnset(plain, field) ? undefined : plain
}

/** What is not told apart on the wire: a default outside of a wrapper, a oneof and a message. */
function isUnset(value: Plain, field: Field): boolean {
  if (field.wrapper || field.oneof !== undefined || field.message !== undefined) return false
  if (field.kind === 'enum') return field.enum?.numbers.get(value as string) === 0
  return value === '' || value === 0 || value === false || value === '0'
}

function single(value: unknown, field: Field): Plain {
  if (value instanceof Message) {
    const plain = toPlain(value)
    return field.kind === 'any' ? { '@type': value.shape.type.name, ...plain } : plain
  }
  if (field.kind === 'duration' || field.kind === 'timestamp') return timeText(value)
  return anything(value)
}

/** Struct, unknown payloads and scalars as they are. */
function anything(value: unknown): Plain {
  if (value instanceof Message || value instanceof RawAny) return toPlain(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(anything)
  if (typeof value === 'object' && value !== null) return sorted(Object.entries(value).map(([key, item]) => [key, anything(item)] as const))
  return value === undefined ? null : (value as Scalar)
}

function timeText(value: unknown): Plain {
  if (typeof value !== 'object' || value === null || !('seconds' in value)) return anything(value)
  const { seconds, nanos = 0 } = value as { readonly seconds: number | bigint; readonly nanos?: number }
  const sign = seconds < 0 || nanos < 0 ? '-' : ''
  const fraction = nanos === 0 ? '' : `.${String(Math.abs(nanos)).padStart(9, '0').replace(/0+$/, '')}`
  return `${sign}${String(seconds).replace('-', '')}${fraction}s`
}

function sorted(entries: readonly (readonly [string, Plain])[]): PlainObject {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

// ---- reading -----------------------------------------------------------------------------------------------------------------------------------------

export function isObject(value: Plain | undefined): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const EMPTY: PlainObject = {}

export function objectAt(value: Plain | undefined, ...names: readonly string[]): PlainObject {
  const found = valueAt(value, ...names)
  return isObject(found) ? found : EMPTY
}

export function listAt(value: Plain | undefined, ...names: readonly string[]): readonly Plain[] {
  const found = valueAt(value, ...names)
  return Array.isArray(found) ? (found as readonly Plain[]) : []
}

export function textAt(value: Plain | undefined, ...names: readonly string[]): string {
  const found = valueAt(value, ...names)
  return found === undefined || found === null || typeof found === 'object' ? '' : String(found)
}

export function valueAt(value: Plain | undefined, ...names: readonly string[]): Plain | undefined {
  let at = value
  for (const name of names) {
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined
    at = at[name]
  }
  return at
}

/** The same object without these fields. */
export function without(value: Plain | undefined, ...names: readonly string[]): PlainObject {
  return isObject(value) ? Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name))) : EMPTY
}
