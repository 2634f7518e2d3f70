/**
 * JSON to decoded messages, by the schema. In: a JSON value of which nothing is trusted; out: a Message, and everything that is wrong with it.
 * The JSON rules are protobuf's, the constraints Envoy's (rules.ts). Invariant: never throws on a snapshot, whatever it holds; a value that
 * cannot be used is reported and left out.
 */
import type { Code } from '../diag/codes.ts'
import type { Diagnostics, Severity } from '../diag/diagnostic.ts'
import { isObject, type JsonObject } from './json-object.ts'
import { LazyList } from './lazy-list.ts'
import { type Message, MessageStore, RawAny } from './message.ts'
import { duration, quote, Refusal, scalar, timestamp } from './scalars.ts'
import { type Field, type MessageType, type Schema, typeName } from './schema.ts'
import { rootShape } from './shape.ts'

/** protobuf's own limit for nested messages */
export const DEPTH_LIMIT = 100
/** So that a hostile text cannot fill the memory with findings; one more tells how many there were. */
const FINDINGS_LIMIT = 100_000

/** `static`: written by hand in a bootstrap, where Envoy refuses what it does not know; `xds`: came over xDS, where it ignores that. */
export type Origin = 'static' | 'xds'

/** `listed`: not compiled, only accounted for; what is wrong with it stops nobody and is a warning */
/** `loaded`: compiled, and a proxy has taken it already, maybe one that took what newer ones refuse */
/** `hidden`: a second static listener of one name, of which Envoy looks only at what its bootstrap itself says (tried) */
export type Use = 'compiled' | 'loaded' | 'listed' | 'hidden'

export interface Decoder {
  /** the decoded resource; undefined when the value is no object at all */
  resource(type: MessageType, value: unknown, path: string, origin: Origin, use: Use): Message | undefined
  /** reports how many findings were left out, if any */
  finish(): void
}

export function createDecoder(schema: Schema, diag: Diagnostics): Decoder {
  const walker = new Walker(schema, diag)
  return {
    resource(type, value, path, origin, use) {
      walker.lenient = use === 'listed'
      walker.disallowed = use === 'loaded' ? 'warning' : 'error'
      walker.hidden = use === 'hidden'
      walker.root = path
      walker.origin = origin
      walker.trail.length = 0
      return walker.message(type, value, 0, 'any')
    },
    finish: () => walker.finish(),
  }
}

/** Configurations that Envoy reads without checking the rules of their messages (tried). */
const UNCHECKED =
  /^envoy\.extensions\.(?:load_balancing_policies\.(?!override_host\.)|transport_sockets\.tls\.v3\.SPIFFECertValidatorConfig$)/

/** A piece of path: a field, an index, or the key of a map. */
type Step = Field | number | string

export function showStep(step: string | number): string {
  return typeof step === 'number' ? `[${step}]` : `[${JSON.stringify(step)}]`
}

class Walker {
  readonly schema: Schema
  readonly diag: Diagnostics
  readonly trail: Step[] = []
  root = ''
  /** errors count as warnings: what is decoded is not compiled */
  lenient = false
  disallowed: Severity = 'error'
  /** nobody checks the rules of what is inside of an Any */
  hidden = false
  origin: Origin = 'xds'
  /** of a rule that is broken */
  private rules: Severity = 'error'
  private findings = 0
  private readonly store = new MessageStore()
  /** values of the messages that are being decoded, so that each message gets a list of just its size */
  private readonly stack: unknown[] = []
  private top = 0

  constructor(schema: Schema, diag: Diagnostics) {
    this.schema = schema
    this.diag = diag
  }

  path(last?: string): string {
    let path = this.root
    for (const step of this.trail) path += typeof step === 'object' ? `.${step.name}` : showStep(step)
    return last === undefined ? path : `${path}.${last}`
  }

  report(code: Code, message: string, path: string, severity: Severity = 'error', fix?: string): void {
    if (++this.findings > FINDINGS_LIMIT) return
    if (this.lenient) severity = 'warning'
    this.diag.report(fix === undefined ? { code, severity, message, path } : { code, severity, message, path, fix })
  }

  finish(): void {
    const more = this.findings - FINDINGS_LIMIT
    if (more > 0)
      this.diag.report({ code: 'KM1101', severity: 'error', message: `${more} more findings of this kind are not listed`, path: '' })
    this.findings = 0
  }

  /** `holder` any: "@type" stands beside the fields */
  message(type: MessageType, value: unknown, depth: number, holder: 'any' | 'field'): Message | undefined {
    if (depth > DEPTH_LIMIT) {
      this.report('KM1017', `nested in more than ${DEPTH_LIMIT} levels`, this.path())
      return undefined
    }
    if (!isObject(value)) {
      this.report('KM1101', `needs a message (${type.name}), not ${quote(value)}`, this.path())
      return undefined
    }
    let shape = rootShape(type)
    const base = this.top
    let oneofs = 0
    let unknown = 0
    for (const key in value) {
      const given = value[key]
      const field = type.lookup.get(key)
      if (field === undefined) {
        if (key === '@type' && holder === 'any') continue
        this.unknownField(type, key)
        unknown++
        continue
      }
      if (given === null && field.kind !== 'raw') continue
      const again = shape.slots.get(field.name)
      if (again !== undefined) this.setAgain(field)
      else if (field.oneofBit !== 0) {
        if ((oneofs & field.oneofBit) !== 0) this.secondOfOneof(type, field, shape.slots)
        oneofs |= field.oneofBit
      }
      if (field.disallowed)
        this.report('KM1112', `"${field.name}" is no longer taken by Envoy by default`, this.path(field.name), this.disallowed)
      this.trail.push(field)
      const decoded = this.field(field, given, depth)
      this.trail.pop()
      if (decoded === undefined) continue
      if (again !== undefined) this.stack[base + again] = joined(field, this.stack[base + again], decoded)
      else {
        shape = shape.with(field)
        this.stack[this.top++] = decoded
      }
    }
    const decoded = this.store.made(shape, this.stack, base)
    this.top = base
    if (shape.missing.length > 0) this.reportMissing(type, shape.missing, value, unknown)
    if (shape.missingOneofs.length > 0) this.reportMissingOneofs(type, shape.missingOneofs, value, unknown)
    return decoded
  }

  private unknownField(type: MessageType, key: string): void {
    const where = this.path(/^[A-Za-z_][\w]*$/.test(key) ? key : JSON.stringify(key))
    if (this.origin === 'static') this.report('KM1103', `unknown field ${quote(key)} of ${type.name}`, where)
    else this.report('KM1102', `unknown field ${quote(key)} of ${type.name}, ignored as Envoy does`, where, 'warning')
  }

  /** Tried on Envoy: under both names the last one counts, and lists are joined; a member of a oneof set twice is refused. */
  private setAgain(field: Field): void {
    const message = `"${field.name}" is set twice, as ${field.name} and as ${field.json}`
    const counts = field.repeated ? 'the lists are joined' : 'the last one counts'
    if (field.oneof === undefined) this.report('KM1113', `${message}; ${counts}`, this.path(field.name), 'warning')
    else this.report('KM1105', message, this.path(field.name))
  }

  private secondOfOneof(type: MessageType, field: Field, slots: ReadonlyMap<string, number>): void {
    const other = type.fields.find((f) => f.oneof === field.oneof && slots.has(f.name))
    this.report('KM1105', `only one of "${other?.name ?? field.oneof}" and "${field.name}" may be set`, this.path(field.name))
  }

  /** A field that was there and could not be used has had its report. A message with unknown fields follows a newer API, whose rules may differ. */
  private reportMissing(type: MessageType, missing: readonly Field[], value: JsonObject, unknown: number): void {
    for (const field of missing) {
      if (isGiven(value, field)) continue
      const code = field.unset?.kind === 'required' ? 'KM1111' : 'KM1110'
      this.report(code, `"${field.name}" of ${type.name} ${field.unset?.text}`, this.path(field.name), unknown > 0 ? 'warning' : this.rules)
    }
  }

  private reportMissingOneofs(type: MessageType, missing: readonly string[], value: JsonObject, unknown: number): void {
    for (const name of missing) {
      const members = type.oneofs.get(name)?.members ?? []
      if (members.some((field) => isGiven(value, field))) continue
      const names = members.map((field) => field.name)
      const shown = names.length > 6 ? `${names.slice(0, 6).join(', ')}, ...` : names.join(', ')
      this.report('KM1111', `${type.name} needs one of ${shown} (${name})`, this.path(), unknown > 0 ? 'warning' : this.rules)
    }
  }

  /** Tried on Envoy: a list of one may go without its brackets; a null in it is an element with nothing set. */
  private field(field: Field, given: unknown, depth: number): unknown {
    if (field.map !== undefined) return this.entries(field, given, depth)
    if (!field.repeated) return this.single(field, given, depth, field.check)
    const items = Array.isArray(given) || given instanceof LazyList ? (given as readonly unknown[] | LazyList) : [given]
    const list: unknown[] = new Array(items.length)
    let size = 0
    const slot = this.trail.length
    let refused = 0
    this.trail.push(0)
    for (let index = 0; index < items.length; index++) {
      this.trail[slot] = index
      const item = items instanceof LazyList ? items.at(index) : items[index]
      const decoded = this.single(field, item === null ? unsetOf(field) : item, depth, field.checkItem)
      if (decoded !== undefined) list[size++] = decoded
      else refused++
    }
    this.trail.pop()
    if (size < list.length) list.length = size
    if (refused === 0) this.obey(field.check, list)
    return list
  }

  private entries(field: Field, given: unknown, depth: number): unknown {
    if (!isObject(given)) {
      this.report('KM1101', `needs a map, not ${quote(given)}`, this.path())
      return undefined
    }
    const entries: (readonly [string, unknown])[] = []
    const slot = this.trail.length
    this.trail.push('')
    for (const key in given) {
      this.trail[slot] = key
      if (field.map !== 'string') {
        const refused = scalar(field.map as 'int32', key)
        if (refused instanceof Refusal) {
          this.report(refused.code, `the key ${refused.text}`, this.path())
          continue
        }
      }
      this.obey(field.checkKey, key)
      const decoded = this.single(field, given[key] === null ? unsetOf(field) : given[key], depth, field.checkItem)
      if (decoded !== undefined) entries.push([key, decoded])
    }
    this.trail.pop()
    this.obey(field.check, entries)
    return entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  }

  private single(field: Field, given: unknown, depth: number, check: Field['check']): unknown {
    const decoded = this.value(field, field.wrapper ? this.unwrapped(given) : given, depth)
    if (decoded instanceof Refusal) {
      this.report(decoded.code, decoded.text, this.path(), decoded.code === 'KM1110' ? this.rules : 'error')
      return undefined
    }
    if (check !== undefined && decoded !== undefined) this.obey(check, decoded, given)
    return decoded
  }

  /** Tried on Envoy: a wrapper may also be written as the message that it is, {"value": 5}. */
  private unwrapped(given: unknown): unknown {
    if (!isObject(given)) return given
    const keys = Object.keys(given)
    return keys.length === 1 && keys[0] === 'value' ? given.value : given
  }

  private obey(check: Field['check'], decoded: unknown, given: unknown = decoded): void {
    const text = check?.(decoded)
    if (text !== undefined) this.report('KM1110', typeof given === 'object' ? text : `${quote(given)} ${text}`, this.path(), this.rules)
  }

  private value(field: Field, given: unknown, depth: number): unknown {
    switch (field.kind) {
      case 'message':
        return field.message === undefined ? given : this.message(field.message, given, depth + 1, 'field')
      case 'enum':
        return this.enumName(field, given)
      case 'any':
        return this.any(given, depth + 1)
      case 'duration':
        return duration(given)
      case 'timestamp':
        return timestamp(given)
      case 'raw':
        return this.raw(field, given)
      default:
        return scalar(field.kind, given)
    }
  }

  private enumName(field: Field, given: unknown): unknown {
    const type = field.enum
    if (type === undefined) return undefined
    if (typeof given === 'string') {
      const number = type.numbers.get(given) ?? type.folded.get(given.toUpperCase())
      if (number !== undefined) return this.allowed(field, type.names.get(number) ?? given)
      if (!/^-?\d{1,10}$/.test(given)) return this.unknownEnum(type.name, given)
    } else if (typeof given !== 'number') return new Refusal('KM1101', `needs a value of ${type.name}, not ${quote(given)}`)
    const number = scalar('int32', given)
    if (number instanceof Refusal) return number
    const name = type.names.get(number as number)
    if (name !== undefined) return this.allowed(field, name)
    return field.definedOnly ? new Refusal('KM1110', `${quote(given)} is no value of ${type.name}`) : this.unknownEnum(type.name, given)
  }

  private allowed(field: Field, name: string): string {
    if (field.enum?.disallowed.has(name))
      this.report('KM1112', `${name} is no longer taken by Envoy by default`, this.path(), this.disallowed)
    return name
  }

  private unknownEnum(type: string, given: unknown): undefined {
    const severity = this.origin === 'static' ? 'error' : 'warning'
    this.report(
      'KM1104',
      `${quote(given)} is no value of ${type}${severity === 'warning' ? ', ignored as Envoy does' : ''}`,
      this.path(),
      severity,
    )
    return undefined
  }

  private raw(field: Field, given: unknown): unknown {
    const name = field.message?.name
    if (name === 'google.protobuf.Struct' && !isObject(given)) return new Refusal('KM1101', `needs an object, not ${quote(given)}`)
    if (name === 'google.protobuf.ListValue' && !Array.isArray(given)) return new Refusal('KM1101', `needs a list, not ${quote(given)}`)
    if (name === 'google.protobuf.FieldMask' && typeof given !== 'string') return new Refusal('KM1101', `needs a text, not ${quote(given)}`)
    return given
  }

  private any(given: unknown, depth: number): unknown {
    if (!isObject(given)) return new Refusal('KM1101', `needs an Any (an object with "@type"), not ${quote(given)}`)
    const url = given['@type']
    if (url === undefined && Object.keys(given).length === 0) return new RawAny('', given)
    if (typeof url !== 'string' || url === '')
      return new Refusal('KM1114', url === undefined ? 'an Any has no "@type"' : '"@type" must be a text')
    const name = typeName(url)
    if (!/^[^/]+\//.test(url) || name === '')
      return new Refusal('KM1114', `"@type" ${quote(url)} is no type URL; it is a host, "/", and a full name`)
    const type = this.schema.message(name)
    if (type === undefined) return new RawAny(name, given)
    if (type.wellKnown !== undefined) return new RawAny(name, given.value)
    const outside = this.rules
    if (this.hidden || UNCHECKED.test(name)) this.rules = 'warning'
    const message = this.message(type, given, depth, 'any')
    this.rules = outside
    return message !== undefined && name.endsWith('.TypedStruct') ? this.typedStruct(message, depth) : message
  }

  /** udpa.type.v1.TypedStruct and xds.type.v3.TypedStruct carry a message as a Struct; Envoy converts it by its type_url. */
  private typedStruct(message: Message, depth: number): Message {
    const { slots } = message.shape
    const url = message.at(slots.get('type_url') ?? -1)
    const slot = slots.get('value') ?? -1
    const held = message.at(slot)
    if (typeof url !== 'string' || held === undefined) return message
    const type = this.schema.message(typeName(url))
    const field = message.shape.fields[slot] as Field
    this.trail.push(field)
    const decoded =
      type === undefined || type.wellKnown !== undefined ? new RawAny(typeName(url), held) : this.message(type, held, depth + 1, 'field')
    this.trail.pop()
    if (decoded === undefined) return message
    const values = message.shape.fields.map((_, at) => (at === slot ? decoded : message.at(at)))
    return this.store.made(message.shape, values, 0)
  }
}

/** What null stands for in a list or a map, as JSON. */
function unsetOf(field: Field): unknown {
  switch (field.kind) {
    case 'message':
    case 'any':
      return {}
    case 'string':
    case 'bytes':
      return ''
    case 'bool':
      return false
    case 'duration':
      return '0s'
    case 'timestamp':
      return '1970-01-01T00:00:00Z'
    case 'raw':
      return UNSET_RAW[field.message?.name ?? ''] ?? null
    default:
      return 0
  }
}

const UNSET_RAW: Readonly<Record<string, unknown>> = {
  'google.protobuf.Struct': {},
  'google.protobuf.ListValue': [],
  'google.protobuf.FieldMask': '',
}

function isGiven(value: JsonObject, field: Field): boolean {
  return (
    (Object.hasOwn(value, field.name) && value[field.name] !== null) || (Object.hasOwn(value, field.json) && value[field.json] !== null)
  )
}

/** Of a field that is set under both of its names. */
function joined(field: Field, first: unknown, second: unknown): unknown {
  return field.repeated && field.map === undefined ? [...(first as readonly unknown[]), ...(second as readonly unknown[])] : second
}
