/**
 * Single values of protobuf's binary form. In: a reader that stands before a value; out: the value as JSON: 64-bit integers as text, bytes in base64,
 * enums by name (by number where the schema has no name), a float as the shortest number that gives the same float.
 */
import type protobuf from 'protobufjs/minimal.js'
import type { EnumType, Field } from './schema.ts'
import type { ScalarType } from './schema-file.ts'

/** Bytes that are no message; never leaves wire-json.ts. */
export class Malformed extends Error {}

export type ScalarKind = ScalarType | 'enum'

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** The wire type of one value of a field. */
export function wireTypeOf({ kind, wrapper }: Pick<Field, 'kind' | 'wrapper'>): number {
  if (wrapper) return LENGTH_DELIMITED
  switch (kind) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return FIXED64
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return FIXED32
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'uint64':
    case 'sint32':
    case 'sint64':
    case 'bool':
    case 'enum':
      return VARINT
    default:
      return LENGTH_DELIMITED
  }
}

export function scalarJson(kind: ScalarKind, reader: protobuf.Reader, type: EnumType | undefined): unknown {
  switch (kind) {
    case 'string':
      return text(reader.bytes())
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64')
    case 'enum': {
      const number = reader.int32()
      return type?.names.get(number) ?? number
    }
    case 'double':
      return numberJson(reader.double())
    case 'float':
      return numberJson(shortest(reader.float()))
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return String(reader[kind]())
    default:
      return reader[kind]()
  }
}

/** What a value that is not written means. */
export function zeroJson(kind: ScalarKind, type: EnumType | undefined): unknown {
  switch (kind) {
    case 'string':
    case 'bytes':
      return ''
    case 'bool':
      return false
    case 'enum':
      return type?.names.get(0) ?? 0
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return '0'
    default:
      return 0
  }
}

export function numberJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** 0.1 as a float is 0.10000000149011612; nobody wrote that. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const LONGEST_KEPT = 100
const MOST_KEPT = 20_000
const kept = new Map<string, string>()

/** Names of services, zones and states come again and again: equal texts are kept once. */
function once(text: string): string {
  if (text.length > LONGEST_KEPT) return text
  const known = kept.get(text)
  if (known !== undefined) return known
  if (kept.size >= MOST_KEPT) kept.clear()
  kept.set(text, text)
  return text
}

/** Bytes that are not UTF-8 make a message malformed, as proto3 says. */
export function text(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fast = once(buffer.toString('utf8'))
  if (!fast.includes('\ufffd')) return fast
  try {
    return strict.decode(buffer)
  } catch {
    throw new Malformed('a text is not UTF-8')
  }
}
