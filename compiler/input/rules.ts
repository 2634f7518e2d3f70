/**
 * Envoy's own constraints (protoc-gen-validate rules in the schema) as checks. In: a field's rules; out: functions from a decoded value to a text, or undefined.
 * Envoy runs these on every message that it loads and refuses the resource when one breaks (its proto files state them beside each field).
 * Invariant: as in proto3, a scalar without presence that is not set is checked as its default; wrappers, messages, oneof members only when set.
 */
import type { EnumType, UnsetFinding } from './schema.ts'
import type { SchemaField } from './schema-file.ts'

/** -> what the rule asks for, e.g. "must be at least 1"; undefined when the value keeps it */
export type Check = (value: unknown) => string | undefined

export interface FieldChecks {
  readonly value: Check | undefined
  readonly item: Check | undefined
  readonly key: Check | undefined
  /** an enum takes only numbers that it names */
  readonly definedOnly: boolean
}

type Rules = Readonly<Record<string, unknown>>

const NONE: FieldChecks = { value: undefined, item: undefined, key: undefined, definedOnly: false }
const NUMERIC = new Set('double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64'.split(' '))

export function fieldChecks(field: SchemaField, enumType: EnumType | undefined): FieldChecks {
  const rules = field.rules
  if (rules === undefined) return NONE
  if (field.repeated) {
    const list = section(rules, 'repeated')
    const items = list && section(list, 'items')
    return { value: listCheck(list), item: valueCheck(items, enumType), key: undefined, definedOnly: isDefinedOnly(items) }
  }
  if (field.map !== undefined) {
    const map = section(rules, 'map')
    if (map === undefined) return NONE
    const least = map.min_pairs
    return {
      value: typeof least === 'number' ? (value) => (entryCount(value) < least ? `needs at least ${least} entries` : undefined) : undefined,
      item: valueCheck(section(map, 'values'), enumType),
      key: valueCheck(section(map, 'keys'), enumType),
      definedOnly: isDefinedOnly(section(map, 'values')),
    }
  }
  return { value: valueCheck(rules, enumType), item: undefined, key: undefined, definedOnly: isDefinedOnly(rules) }
}

function isDefinedOnly(rules: Rules | undefined): boolean {
  return rules !== undefined && section(rules, 'enum')?.defined_only === true
}

/** What is wrong with a field that is not set, if anything. */
export function unsetFinding(field: SchemaField, checks: FieldChecks): UnsetFinding | undefined {
  const rules = field.rules
  if (rules === undefined || field.oneof !== undefined) return undefined
  for (const kind of ['message', 'duration', 'timestamp', 'any']) {
    if (section(rules, kind)?.required === true) return { kind: 'required', text: 'is required' }
  }
  if (field.type === 'message' && !field.repeated && field.map === undefined) return undefined
  if (field.optional) return undefined
  const text = checks.value?.(defaultOf(field))
  return text === undefined ? undefined : { kind: isEmptyText(field, rules) ? 'required' : 'rule', text: unsetText(field, text) }
}

function isEmptyText(field: SchemaField, rules: Rules): boolean {
  return field.repeated === true || field.map !== undefined || 'string' in rules || 'bytes' in rules
}

function unsetText(field: SchemaField, text: string): string {
  if (field.repeated || field.map !== undefined || field.type === 'string' || field.type === 'bytes') return 'is required'
  return `is not set, and its default ${field.type === 'enum' ? 'value' : String(defaultOf(field))} ${text}`
}

function defaultOf(field: SchemaField): unknown {
  if (field.repeated || field.map !== undefined) return []
  if (field.type === 'string') return ''
  if (field.type === 'bytes') return new Uint8Array(0)
  if (field.type === 'bool') return false
  return field.type === 'enum' ? undefined : 0
}

function section(rules: Rules, name: string): Rules | undefined {
  const found = rules[name]
  return typeof found === 'object' && found !== null ? (found as Rules) : undefined
}

function entryCount(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}

function listCheck(rules: Rules | undefined): Check | undefined {
  if (rules === undefined) return undefined
  const { min_items: least, max_items: most, unique } = rules
  return (value) => {
    const list = value as readonly unknown[]
    if (typeof least === 'number' && list.length < least) return `needs at least ${least} ${least === 1 ? 'element' : 'elements'}`
    if (typeof most === 'number' && list.length > most) return `takes at most ${most} elements, not ${list.length}`
    if (unique === true && new Set(list).size < list.length) return 'has an element twice'
    return undefined
  }
}

function valueCheck(rules: Rules | undefined, enumType: EnumType | undefined): Check | undefined {
  if (rules === undefined) return undefined
  for (const [kind, inner] of Object.entries(rules)) {
    const of = inner as Rules
    if (kind === 'string') return textCheck(of)
    if (kind === 'bytes') return bytesCheck(of)
    if (kind === 'bool') return (value) => (value === of.const ? undefined : `must be ${String(of.const)}`)
    if (kind === 'enum') return enumCheck(of, enumType)
    if (kind === 'duration') return durationCheck(of)
    if (NUMERIC.has(kind)) return numberCheck(of)
  }
  return undefined
}

/** The decoded value of an enum is its name; undefined stands for the default, number 0. */
function enumCheck(rules: Rules, enumType: EnumType | undefined): Check | undefined {
  const refused = rules.not_in
  if (!Array.isArray(refused)) return undefined
  return (value) => {
    const number = typeof value === 'string' ? enumType?.numbers.get(value) : 0
    return refused.includes(number) ? 'must have another value' : undefined
  }
}

function numberCheck(rules: Rules): Check | undefined {
  const range = rangeCheck(rules, (limit) => limit as number, String)
  if (range === undefined || rules.ignore_empty !== true) return range
  return (value) => (value === 0 ? undefined : range(value))
}

function durationCheck(rules: Rules): Check | undefined {
  const nanos = (value: unknown) => {
    const { seconds, nanos } = value as { seconds: number; nanos: number }
    return seconds + nanos / 1e9
  }
  const range = rangeCheck(rules, nanos, (limit) => `${nanos(limit)}s`)
  return range && ((value) => range(nanos(value)))
}

function rangeCheck(rules: Rules, toNumber: (limit: unknown) => number, show: (limit: unknown) => string): Check | undefined {
  const limits = (['gt', 'gte', 'lt', 'lte'] as const).flatMap((name) => {
    const limit = rules[name]
    return limit === undefined ? [] : [{ name, limit: toNumber(limit), shown: show(limit) }]
  })
  if (limits.length === 0) return undefined
  return (given) => {
    const value = given as number
    for (const { name, limit, shown } of limits) {
      if (name === 'gt' && !(value > limit)) return `must be greater than ${shown}`
      if (name === 'gte' && !(value >= limit)) return `must be at least ${shown}`
      if (name === 'lt' && !(value < limit)) return `must be less than ${shown}`
      if (name === 'lte' && !(value <= limit)) return `must be at most ${shown}`
    }
    return undefined
  }
}

function bytesCheck(rules: Rules): Check {
  const { min_len: least, max_len: most } = rules
  return (value) => {
    const length = (value as Uint8Array).length
    if (typeof least === 'number' && length < least) return `needs at least ${least} bytes`
    if (typeof most === 'number' && length > most) return `takes at most ${most} bytes, not ${length}`
    return undefined
  }
}

/** The patterns behind well_known_regex: HTTP_HEADER_NAME (1) and HTTP_HEADER_VALUE (2), and what is left of both when `strict` is off. */
const HEADER_NAME = /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: header values may hold no control characters but the tab
const HEADER_VALUE = /^[^\u0000-\u0008\u000A-\u001F\u007F]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is the rule
const HEADER_LOOSE = /^[^\u0000\u000A\u000D]*$/

function textCheck(rules: Rules): Check {
  const checks: Check[] = []
  const size = (name: string, measure: (text: string) => number, unit: string) => {
    const least = rules[`min_${name}`]
    const most = rules[`max_${name}`]
    if (typeof least === 'number') {
      const text = least === 1 ? 'must not be empty' : `needs at least ${least} ${unit}`
      checks.push((value) => ((value as string).length < 2 * least && measure(value as string) < least ? text : undefined))
    }
    if (typeof most === 'number') {
      checks.push((value) => {
        if ((value as string).length * 4 <= most) return undefined
        const length = measure(value as string)
        return length > most ? `takes at most ${most} ${unit}, not ${length}` : undefined
      })
    }
  }
  size('len', codePoints, 'characters')
  size('bytes', (text) => Buffer.byteLength(text), 'bytes')
  const pattern = (regex: RegExp, text: string) => checks.push((value) => (regex.test(value as string) ? undefined : text))
  if (typeof rules.pattern === 'string') pattern(new RegExp(rules.pattern, 'su'), `must match ${rules.pattern}`)
  const known = rules.well_known_regex
  if (known !== undefined) {
    if (rules.strict === false) pattern(HEADER_LOOSE, 'must have no line breaks and no NUL')
    else if (known === 1) pattern(HEADER_NAME, 'must be an HTTP header name')
    else pattern(HEADER_VALUE, 'must be an HTTP header value')
  }
  const { prefix, suffix, in: allowed } = rules
  if (typeof prefix === 'string') checks.push((value) => ((value as string).startsWith(prefix) ? undefined : `must begin with "${prefix}"`))
  if (typeof suffix === 'string') checks.push((value) => ((value as string).endsWith(suffix) ? undefined : `must end with "${suffix}"`))
  if (Array.isArray(allowed))
    checks.push((value) => (allowed.includes(value) ? undefined : `must be one of ${allowed.map((a) => `"${a}"`).join(', ')}`))
  const all: Check = (value) => {
    for (const check of checks) {
      const text = check(value)
      if (text !== undefined) return text
    }
    return undefined
  }
  return rules.ignore_empty === true ? (value) => (value === '' ? undefined : all(value)) : all
}

function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
