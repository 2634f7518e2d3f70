/**
 * Decoded messages back to proto3 JSON, exactly: reading the text again gives the same message. In: what a Resource holds. Out: plain JSON with snake_case
 * names and sorted keys, so that equal messages are equal texts. Invariant: nothing that was decoded is lost.
 */
import { Message, RawAny } from './message.ts'
import type { Duration } from './scalars.ts'
import type { Field } from './schema.ts'

export type JsonFields = Readonly<Record<string, unknown>>

const PREFIX = 'type.googleapis.com/'

/** with "@type" */
export function toJson(content: Message | RawAny): JsonFields {
  return content instanceof RawAny ? rawAny(content) : { '@type': PREFIX + content.shape.type.name, ...fieldsOf(content) }
}

function fieldsOf(message: Message): JsonFields {
  return inOrder(message.shape.fields.map((field, slot) => [field.name, fieldValue(message.at(slot), field)] as const))
}

function fieldValue(value: unknown, field: Field): unknown {
  if (field.map !== undefined)
    return inOrder((value as readonly (readonly [string, unknown])[]).map(([key, item]) => [key, single(item, field)] as const))
  return field.repeated ? (value as readonly unknown[]).map((item) => single(item, field)) : single(value, field)
}

function single(value: unknown, field: Field): unknown {
  if (value instanceof RawAny) return rawAny(value)
  if (value instanceof Message) return field.kind === 'any' ? toJson(value) : fieldsOf(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'bigint') return String(value)
  return field.kind === 'duration' ? durationText(value as Duration) : sorted(value)
}

/** An Any is kept as it was written; the value of a well-known type, or what a TypedStruct holds, stands alone. */
function rawAny({ typeName, value }: RawAny): JsonFields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return sorted(value) as JsonFields
  return { '@type': PREFIX + typeName, value: sorted(value) }
}

function durationText({ seconds, nanos }: Duration): string {
  return nanos === 0 ? `${seconds}s` : `${seconds}.${String(nanos).padStart(9, '0')}s`
}

/** Plain JSON of a Struct or an unknown payload, with sorted keys. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return inOrder(Object.entries(value).map(([key, item]) => [key, sorted(item)] as const))
}

function inOrder(entries: readonly (readonly [string, unknown])[]): JsonFields {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
