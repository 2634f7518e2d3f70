/**
 * Single values, by the JSON rules of protobuf. In: a JSON value; out: the decoded value, or a Refusal that says what is wrong.
 * Tried on Envoy 1.40: numbers and booleans may also stand in quotes (64-bit integers usually do), texts may not go without them; "+1", "1e2", "yes"
 * and a duration as {seconds, nanos} are taken; "1.s", ".5s", "100ms" and more than nine decimals are not.
 */
import type { Code } from '../diag/codes.ts'
import type { ScalarType } from './schema-file.ts'

export class Refusal {
  readonly code: Code
  readonly text: string

  constructor(code: Code, text: string) {
    this.code = code
    this.text = text
  }
}

/** A value for people: short, on one line. */
export function quote(value: unknown): string {
  const text =
    value === undefined
      ? 'nothing'
      : Array.isArray(value)
        ? 'a list'
        : typeof value === 'object' && value !== null
          ? 'an object'
          : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 76)}..."` : text
}

const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}
const INTEGER: Readonly<Record<string, 'int32' | 'uint32' | 'int64' | 'uint64'>> = {
  int32: 'int32',
  sint32: 'int32',
  sfixed32: 'int32',
  uint32: 'uint32',
  fixed32: 'uint32',
  int64: 'int64',
  sint64: 'int64',
  sfixed64: 'int64',
  uint64: 'uint64',
  fixed64: 'uint64',
}

export function scalar(type: ScalarType, value: unknown): unknown {
  switch (type) {
    case 'string':
      return text(value)
    case 'bool':
      if (typeof value === 'boolean') return value
      if (typeof value === 'string' && /^(?:true|t|yes|y|1)$/i.test(value)) return true
      if (typeof value === 'string' && /^(?:false|f|no|n|0)$/i.test(value)) return false
      return new Refusal('KM1101', `needs true or false, not ${quote(value)}`)
    case 'bytes':
      return bytes(value)
    case 'double':
    case 'float':
      return float(type, value)
    case 'uint32':
      if (typeof value === 'number' && value >= 0 && value <= 0xffffffff && Number.isInteger(value)) return value
      return integer('uint32', value)
    default:
      return integer(INTEGER[type] ?? 'int64', value)
  }
}

/** Half a surrogate pair is no Unicode text; Envoy's JSON reader refuses it. */
function text(value: unknown): unknown {
  if (typeof value !== 'string') return new Refusal('KM1101', `needs a text, not ${quote(value)}`)
  return (value as string & { isWellFormed(): boolean }).isWellFormed()
    ? shared(value)
    : new Refusal('KM1101', `has half a surrogate pair: ${quote(value)}`)
}

const MOST_SHARED = 10_000
/** longer ones are texts of their own */
const LONGEST_SHARED = 200
let texts = new Map<string, string>()

/** Control planes write the same texts again and again: those that come soon after each other are kept once. */
function shared(text: string): string {
  if (text.length > LONGEST_SHARED) return text
  const held = texts.get(text)
  if (held !== undefined) return held
  if (texts.size >= MOST_SHARED) texts = new Map()
  texts.set(text, text)
  return text
}

function integer(type: 'int32' | 'uint32' | 'int64' | 'uint64', value: unknown): unknown {
  let exact: bigint
  if (typeof value === 'number') {
    if (!Number.isInteger(value))
      return new Refusal('KM1106', `needs a whole number, not ${Number.isFinite(value) ? value : 'one beyond all limits'}`)
    exact = BigInt(value)
  } else if (typeof value === 'bigint') exact = value
  else if (typeof value === 'string' && value.length <= 400 && /^[+-]?\d+$/.test(value)) exact = BigInt(value.replace('+', ''))
  else if (typeof value === 'string' && value.length <= 400 && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) {
    const number = Number(value)
    if (!Number.isInteger(number)) return new Refusal('KM1106', `needs a whole number, not ${quote(value)}`)
    exact = BigInt(number)
  } else return new Refusal('KM1101', `needs a whole number, not ${quote(value)}`)
  const [low, high] = RANGES[type] as readonly [bigint, bigint]
  if (exact < low || exact > high) return new Refusal('KM1106', `must be from ${low} to ${high}, not ${quote(String(value))}`)
  const number = Number(exact)
  return Number.isSafeInteger(number) ? number : exact
}

const FLOAT_MAX = 3.4028234663852886e38

function float(type: 'double' | 'float', value: unknown): unknown {
  let number: number
  if (typeof value === 'number') number = value
  else if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  else if (typeof value === 'string' && value.length <= 400 && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) number = Number(value)
  else return new Refusal('KM1101', `needs a number, not ${quote(value)}`)
  const most = type === 'float' ? FLOAT_MAX : Number.MAX_VALUE
  if (!(Math.abs(number) <= most)) return new Refusal('KM1106', `is beyond the range of a ${type}`)
  return number
}

function bytes(value: unknown): unknown {
  if (typeof value !== 'string') return new Refusal('KM1101', `needs bytes in base64, not ${quote(value)}`)
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) return new Refusal('KM1108', `is not base64: ${quote(value)}`)
  const bare = value.replace(/=+$/, '')
  const padded = bare.length + (value.length - bare.length)
  if (bare.length % 4 === 1 || (padded !== bare.length && padded % 4 !== 0)) return new Refusal('KM1108', `is not base64: ${quote(value)}`)
  return new Uint8Array(Buffer.from(bare, 'base64'))
}

export interface Duration {
  readonly seconds: number
  readonly nanos: number
}

/** 10,000 years, protobuf's limit */
const DURATION_MAX = 315_576_000_000

const MOST_DURATIONS = 1000
let durations = new Map<string, Duration>()

/** Envoy takes no negative duration anywhere ("Expected positive duration"). Equal texts give one object. */
export function duration(value: unknown): Duration | Refusal {
  const known = typeof value === 'string' ? durations.get(value) : undefined
  if (known !== undefined) return known
  const read = anyDuration(value)
  if (read instanceof Refusal) return read
  if (read.seconds < 0 || read.nanos < 0) return new Refusal('KM1110', `must not be negative: ${quote(value)}`)
  if (typeof value === 'string') {
    if (durations.size >= MOST_DURATIONS) durations = new Map()
    durations.set(value, read)
  }
  return read
}

function anyDuration(value: unknown): Duration | Refusal {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return durationObject(value as Record<string, unknown>)
  const match = typeof value === 'string' && value.length <= 40 ? /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(value) : null
  if (match === null) return new Refusal('KM1107', `is not a duration: ${quote(value)}`)
  const sign = match[1] === '-' ? -1 : 1
  const seconds = Number(match[2]) * sign
  if (Math.abs(seconds) > DURATION_MAX) return new Refusal('KM1106', `is longer than 10,000 years: ${quote(value)}`)
  return { seconds: seconds + 0, nanos: Number((match[3] ?? '').padEnd(9, '0')) * sign + 0 }
}

/** Some dumps print a duration as its fields, {"seconds": "1", "nanos": 5}. */
function durationObject(value: Record<string, unknown>): Duration | Refusal {
  const seconds = Object.hasOwn(value, 'seconds') ? scalar('int64', value.seconds) : 0
  const nanos = Object.hasOwn(value, 'nanos') ? scalar('int32', value.nanos) : 0
  const others = Object.keys(value).some((key) => key !== 'seconds' && key !== 'nanos')
  if (
    others ||
    typeof seconds !== 'number' ||
    typeof nanos !== 'number' ||
    Math.abs(seconds) > DURATION_MAX ||
    Math.abs(nanos) > 999_999_999
  ) {
    return new Refusal('KM1107', 'is not a duration')
  }
  return { seconds, nanos }
}

export function timestamp(value: unknown): unknown {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.test(value)) return value
  return new Refusal('KM1109', `is not a time stamp: ${quote(value)}`)
}
