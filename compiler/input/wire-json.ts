/**
 * Protobuf's binary form to its JSON form. In: the type URL and the bytes of an Any; out: JSON with "@type", snake_case names, fields in the order of
 * their declaration and maps by key, so that equal messages give equal text whatever the order in which a server wrote them.
 * Invariant: nothing is lost without being named: an Any of a type that is not known keeps its bytes, a field that is not known is reported.
 */
import protobuf from 'protobufjs/minimal.js'
import type { JsonObject } from './json-object.ts'
import { LazyList } from './lazy-list.ts'
import { type Field, type MessageType, type Schema, typeName } from './schema.ts'
import { Malformed, scalarJson, type ScalarKind, text, wireTypeOf, zeroJson } from './wire-scalars.ts'
import { durationJson, fieldMaskJson, rawJson, timestampJson } from './wire-known.ts'

/** A field that the schema does not have, which JSON has no name for. */
export interface UnknownField {
  readonly type: string
  readonly number: number
  /** below the resource, e.g. load_assignment.endpoints[0] */
  readonly path: string
}

export type WireJson =
  | { readonly kind: 'read'; readonly json: JsonObject; readonly unknown: readonly UnknownField[] }
  | { readonly kind: 'malformed'; readonly message: string }

/** protobuf's own limit for nested messages */
const DEPTH_LIMIT = 100
const LENGTH_DELIMITED = 2

/** What becomes of fields that the schema does not have: `listed` only, or also `kept` in the JSON as "#number" with their bytes in base64. */
export type UnknownUse = 'listed' | 'kept'

/** Messages with a list that is nearly all of a large snapshot. */
const LONG: ReadonlySet<string> = new Set([
  'envoy.config.route.v3.RouteConfiguration',
  'envoy.config.route.v3.VirtualHost',
  'envoy.config.endpoint.v3.ClusterLoadAssignment',
  'envoy.config.endpoint.v3.LocalityLbEndpoints',
])

/** `long`: of messages of that many bytes the lists of virtual hosts, routes and endpoints are LazyLists, because their JSON is ten times as large */
export function wireToJson(
  schema: Schema,
  url: string,
  bytes: Uint8Array,
  use: UnknownUse = 'listed',
  long: number = Number.POSITIVE_INFINITY,
): WireJson {
  const walker = new Walker(schema, use, long, 'new')
  try {
    const json = walker.payload(url, bytes, 0)
    return { kind: 'read', json, unknown: walker.unknown }
  } catch (error) {
    // protobufjs throws RangeError and Error for bytes that are no message
    return { kind: 'malformed', message: `${typeName(url)} is not valid protobuf${walker.where()}: ${(error as Error).message}` }
  }
}

interface Slots {
  readonly fields: Field[]
  readonly values: unknown[]
  /** unknown fields by number */
  readonly strange: Map<number, Uint8Array[]>
  /** its lists of messages become LazyLists */
  readonly long: boolean
}

/** The items of a LazyList: where each begins in the buffer, and its length. */
class Spans {
  readonly numbers: number[] = []
}

class Walker {
  readonly unknown: UnknownField[] = []
  private readonly schema: Schema
  private readonly use: UnknownUse
  private readonly trail: string[] = []

  private readonly large: number
  private readonly bytes: 'new' | 'seen'

  /** `seen`: the bytes have been read whole before, so that the items of a LazyList are not looked at until they are asked for */
  constructor(schema: Schema, use: UnknownUse, large: number, bytes: 'new' | 'seen') {
    this.schema = schema
    this.use = use
    this.large = large
    this.bytes = bytes
  }

  where(): string {
    return this.trail.length === 0 ? '' : ` at ${this.path()}`
  }

  private path(): string {
    return this.trail.join('').replace(/^\./, '')
  }

  /** The JSON of an Any. */
  payload(url: string, bytes: Uint8Array, depth: number): JsonObject {
    const type = this.schema.message(typeName(url))
    if (type === undefined) return { '@type': url, value: base64(bytes) }
    if (type.wellKnown !== undefined) return { '@type': url, value: this.wellKnown(type, bytes, depth) }
    return { '@type': url, ...this.message(type, bytes, depth) }
  }

  private message(type: MessageType, bytes: Uint8Array, depth: number): JsonObject {
    if (depth > DEPTH_LIMIT) throw new Malformed(`nested in more than ${DEPTH_LIMIT} levels`)
    const slots: Slots = { fields: [], values: [], strange: new Map(), long: bytes.length >= this.large && LONG.has(type.name) }
    const reader = protobuf.Reader.create(bytes)
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      const number = tag >>> 3
      const field = type.numbers.get(number)
      if (field !== undefined && this.take(field, tag & 7, reader, slots, depth)) continue
      const begin = reader.pos
      reader.skipType(tag & 7, 0, number)
      this.unknown.push({ type: type.name, number, path: this.path() })
      if (this.use === 'listed') continue
      const known = slots.strange.get(number)
      if (known === undefined) slots.strange.set(number, [bytes.subarray(begin, reader.pos)])
      else known.push(bytes.subarray(begin, reader.pos))
    }
    return this.assemble(slots, bytes.buffer, depth)
  }

  /** -> false when the wire type is not one of the field; such a field counts as unknown */
  private take(field: Field, wire: number, reader: protobuf.Reader, slots: Slots, depth: number): boolean {
    const expected = wireTypeOf(field)
    const packed = field.repeated && wire === LENGTH_DELIMITED && expected !== LENGTH_DELIMITED
    if (wire !== expected && !packed) return false
    let slot = slots.fields.indexOf(field)
    if (slot === -1) {
      if (field.oneof !== undefined) dropOthers(field, slots)
      slot = slots.fields.push(field) - 1
      slots.values.push(
        field.map !== undefined ? new Map() : field.repeated ? (slots.long && isPlain(field) ? new Spans() : []) : undefined,
      )
    }
    if (packed) {
      const end = reader.uint32() + reader.pos
      const list = slots.values[slot] as unknown[]
      while (reader.pos < end) list.push(scalarJson(field.kind as ScalarKind, reader, field.enum))
      if (reader.pos !== end) throw new Malformed('a packed list ends inside of a value')
      return true
    }
    if (field.map !== undefined) this.entry(field, reader.bytes(), slots.values[slot] as Map<string, unknown>, depth)
    else if (slots.values[slot] instanceof Spans) this.span(field, reader.bytes(), slots.values[slot] as Spans, depth)
    else if (field.repeated) {
      const list = slots.values[slot] as unknown[]
      this.trail.push(`.${field.name}[${list.length}]`)
      list.push(this.single(field, reader, depth))
      this.trail.pop()
    } else if (isMessage(field)) {
      // a message that comes in pieces is what its bytes together say
      const known = slots.values[slot] as Uint8Array | undefined
      slots.values[slot] = known === undefined ? reader.bytes() : Buffer.concat([known, reader.bytes()])
    } else slots.values[slot] = scalarJson(field.kind as ScalarKind, reader, field.enum)
    return true
  }

  /** What is not valid is found now; the JSON is made again when it is asked for. */
  private span(field: Field, bytes: Uint8Array, { numbers }: Spans, depth: number): void {
    if (this.bytes === 'new') {
      this.trail.push(`.${field.name}[${numbers.length / 2}]`)
      this.held(field, bytes, depth)
      this.trail.pop()
    }
    numbers.push(bytes.byteOffset, bytes.byteLength)
  }

  private lazy(field: Field, { numbers }: Spans, buffer: ArrayBufferLike, depth: number): LazyList {
    const walker = new Walker(this.schema, this.use, this.large, 'seen')
    const make = (index: number): unknown => walker.held(field, new Uint8Array(buffer, numbers[index * 2], numbers[index * 2 + 1]), depth)
    return new LazyList(numbers.length / 2, make)
  }

  private single(field: Field, reader: protobuf.Reader, depth: number): unknown {
    return isMessage(field) ? this.held(field, reader.bytes(), depth) : scalarJson(field.kind as ScalarKind, reader, field.enum)
  }

  private entry(field: Field, bytes: Uint8Array, into: Map<string, unknown>, depth: number): void {
    const reader = protobuf.Reader.create(bytes)
    const keyTag = (1 << 3) | wireTypeOf({ kind: field.map as ScalarKind, wrapper: false })
    const valueTag = (2 << 3) | wireTypeOf(field)
    let key: unknown
    let value: unknown
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      if (tag === keyTag) key = scalarJson(field.map as ScalarKind, reader, undefined)
      else if (tag === valueTag) {
        this.trail.push(`.${field.name}[${JSON.stringify(String(key ?? ''))}]`)
        value = this.single(field, reader, depth)
        this.trail.pop()
      } else reader.skipType(tag & 7, 0, tag >>> 3)
    }
    const name = String(key ?? zeroJson(field.map as ScalarKind, undefined))
    into.set(name, value ?? (isMessage(field) ? this.held(field, new Uint8Array(), depth) : zeroJson(field.kind as ScalarKind, field.enum)))
  }

  private assemble({ fields, values, strange }: Slots, buffer: ArrayBufferLike, depth: number): JsonObject {
    const order = fields.map((_, slot) => slot).sort((a, b) => (fields[a] as Field).index - (fields[b] as Field).index)
    const json: Record<string, unknown> = {}
    for (const slot of order) {
      const field = fields[slot] as Field
      const value = values[slot]
      if (value instanceof Spans) json[field.name] = this.lazy(field, value, buffer, depth)
      else if (value instanceof Map) json[field.name] = byKey(value)
      else if (field.repeated || !isMessage(field)) json[field.name] = value
      else {
        this.trail.push(`.${field.name}`)
        json[field.name] = this.held(field, value as Uint8Array, depth)
        this.trail.pop()
      }
    }
    for (const [number, pieces] of strange) json[`#${number}`] = base64(Buffer.concat(pieces))
    return json
  }

  /** The JSON of a field's message. */
  private held(field: Field, bytes: Uint8Array, depth: number): unknown {
    const type = field.message
    if (type === undefined) throw new Malformed(`the schema lacks the type of ${field.name}`)
    return type.wellKnown === undefined ? this.message(type, bytes, depth + 1) : this.wellKnown(type, bytes, depth + 1)
  }

  private wellKnown(type: MessageType, bytes: Uint8Array, depth: number): unknown {
    switch (type.wellKnown) {
      case 'any':
        return this.any(bytes, depth)
      case 'duration':
        return durationJson(bytes)
      case 'timestamp':
        return timestampJson(bytes)
      case 'raw':
        return type.name === 'google.protobuf.FieldMask' ? fieldMaskJson(bytes) : rawJson(type.name, bytes, depth)
      default: {
        const field = type.numbers.get(1) as Field
        const { value } = this.message(type, bytes, depth)
        return value ?? zeroJson(field.kind as ScalarKind, undefined)
      }
    }
  }

  /** type_url = 1, value = 2 */
  private any(bytes: Uint8Array, depth: number): JsonObject {
    const reader = protobuf.Reader.create(bytes)
    let url = ''
    let held: Uint8Array | undefined
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      if (tag === 10) url = text(reader.bytes())
      else if (tag === 18) held = reader.bytes()
      else reader.skipType(tag & 7, 0, tag >>> 3)
    }
    if (url === '') return held === undefined ? {} : { value: base64(held) }
    return this.payload(url, held ?? new Uint8Array(), depth + 1)
  }
}

function isMessage(field: Field): boolean {
  return field.wrapper || field.message !== undefined
}

/** a message with fields, no well-known type */
function isPlain({ kind, message }: Field): boolean {
  return kind === 'message' && message !== undefined && message.wellKnown === undefined
}

/** Of a oneof the last member counts. */
function dropOthers(field: Field, { fields, values }: Slots): void {
  const other = fields.findIndex((one) => one.oneof === field.oneof)
  if (other === -1) return
  fields.splice(other, 1)
  values.splice(other, 1)
}

function byKey(map: ReadonlyMap<string, unknown>): JsonObject {
  const sorted = [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return Object.fromEntries(sorted)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
