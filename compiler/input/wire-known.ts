/**
 * The messages of google.protobuf that have a JSON form of their own. In: their bytes; out: "1.500s", a time stamp, any JSON value, a list of paths.
 */
import protobuf from 'protobufjs/minimal.js'
import { Malformed, numberJson, text } from './wire-scalars.ts'

/** seconds = 1, nanos = 2, of Duration and Timestamp */
function secondsAndNanos(bytes: Uint8Array): { readonly seconds: bigint; readonly nanos: number } {
  const reader = protobuf.Reader.create(bytes)
  let seconds = 0n
  let nanos = 0
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 8) seconds = BigInt(String(reader.int64()))
    else if (tag === 16) nanos = reader.int32()
    else reader.skipType(tag & 7, 0, tag >>> 3)
  }
  return { seconds, nanos }
}

/** 0, 3, 6 or 9 decimals. */
function decimals(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.endsWith('000000') ? digits.slice(0, 3) : digits.endsWith('000') ? digits.slice(0, 6) : digits}`
}

export function durationJson(bytes: Uint8Array): string {
  const { seconds, nanos } = secondsAndNanos(bytes)
  const sign = seconds < 0n || nanos < 0 ? '-' : ''
  return `${sign}${seconds < 0n ? -seconds : seconds}${decimals(Math.abs(nanos))}s`
}

const LATEST = 253_402_300_799n
const EARLIEST = -62_135_596_800n

export function timestampJson(bytes: Uint8Array): string {
  const { seconds, nanos } = secondsAndNanos(bytes)
  if (seconds < EARLIEST || seconds > LATEST || nanos < 0) throw new Malformed('a time stamp is outside of the years 1 to 9999')
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${decimals(nanos)}Z`
}

export function fieldMaskJson(bytes: Uint8Array): string {
  const reader = protobuf.Reader.create(bytes)
  const paths: string[] = []
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 10) paths.push(text(reader.bytes()).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    else reader.skipType(tag & 7, 0, tag >>> 3)
  }
  return paths.join(',')
}

const DEPTH_LIMIT = 100

/** Struct, Value and ListValue: what they stand for. */
export function rawJson(name: string, bytes: Uint8Array, depth: number): unknown {
  if (depth > DEPTH_LIMIT) throw new Malformed(`nested in more than ${DEPTH_LIMIT} levels`)
  if (name === 'google.protobuf.Struct') return bytes.length > LONGEST_SHARED ? struct(bytes, depth) : shared(bytes, depth)
  if (name === 'google.protobuf.ListValue') return list(bytes, depth)
  return value(bytes, depth)
}

const LONGEST_SHARED = 200
const MOST_SHARED = 10_000
let sharedStructs = new Map<string, unknown>()

/** The metadata of endpoints are the same again and again: equal bytes give one object, which nobody may change. */
function shared(bytes: Uint8Array, depth: number): unknown {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const known = sharedStructs.get(key)
  if (known !== undefined) return known
  const made = struct(bytes, depth)
  if (sharedStructs.size >= MOST_SHARED) sharedStructs = new Map()
  sharedStructs.set(key, made)
  return made
}

function struct(bytes: Uint8Array, depth: number): unknown {
  const reader = protobuf.Reader.create(bytes)
  const entries = new Map<string, unknown>()
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag !== 10) {
      reader.skipType(tag & 7, 0, tag >>> 3)
      continue
    }
    const entry = protobuf.Reader.create(reader.bytes())
    let key = ''
    let held: unknown = null
    while (entry.pos < entry.len) {
      const inner = entry.uint32()
      if (inner === 10) key = text(entry.bytes())
      else if (inner === 18) held = rawJson('google.protobuf.Value', entry.bytes(), depth + 1)
      else entry.skipType(inner & 7, 0, inner >>> 3)
    }
    entries.set(key, held)
  }
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

function list(bytes: Uint8Array, depth: number): unknown {
  const reader = protobuf.Reader.create(bytes)
  const values: unknown[] = []
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 10) values.push(rawJson('google.protobuf.Value', reader.bytes(), depth + 1))
    else reader.skipType(tag & 7, 0, tag >>> 3)
  }
  return values
}

/** null_value = 1, number_value = 2, string_value = 3, bool_value = 4, struct_value = 5, list_value = 6 */
function value(bytes: Uint8Array, depth: number): unknown {
  const reader = protobuf.Reader.create(bytes)
  let held: unknown = null
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 8) {
      reader.int32()
      held = null
    } else if (tag === 17) held = numberJson(reader.double())
    else if (tag === 26) held = text(reader.bytes())
    else if (tag === 32) held = reader.bool()
    else if (tag === 42) held = rawJson('google.protobuf.Struct', reader.bytes(), depth + 1)
    else if (tag === 50) held = rawJson('google.protobuf.ListValue', reader.bytes(), depth + 1)
    else reader.skipType(tag & 7, 0, tag >>> 3)
  }
  return held
}
