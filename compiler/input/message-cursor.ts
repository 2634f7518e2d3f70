/**
 * The Cursor over a decoded message. In: a Message and where it is; out: reads that account for themselves (the contract is in cursor.ts).
 * Invariant: a name that is not in the schema, or a read of the wrong type, is a mistake of the caller and throws; a snapshot never makes it throw.
 */
import type { Cursor, FieldClass } from './cursor.ts'
import { showStep } from './decode.ts'
import { type Mark, Message, RawAny } from './message.ts'
import type { Duration } from './scalars.ts'
import { typeName } from './schema.ts'
import { NOT_SET, UNKNOWN } from './shape.ts'

/** What a cursor stands on, for its path: a root, or a place in another message. */
type Place =
  | string
  | (() => string)
  | { readonly parent: MessageCursor; readonly field: string; readonly step: number | string | undefined }

/** `path` may be a function, for cursors that are rarely asked where they are */
export function createCursor(message: Message, path: string | (() => string)): Cursor {
  return new MessageCursor(message, path)
}

const NOTHING: readonly never[] = []

let lastMark: Mark = { class: 'compiled', reason: '' }

/** The same class and reason are given to a hundred thousand messages in a row. */
function markOf(fieldClass: FieldClass, reason: string): Mark {
  if (lastMark.class !== fieldClass || lastMark.reason !== reason) lastMark = { class: fieldClass, reason }
  return lastMark
}

class MessageCursor implements Cursor {
  readonly known = true
  private readonly node: Message
  private readonly place: Place

  constructor(node: Message, place: Place) {
    this.node = node
    this.place = place
  }

  get type(): string {
    return this.node.shape.type.name
  }

  get path(): string {
    const { place } = this
    if (typeof place === 'string') return place
    if (typeof place === 'function') return place()
    // joined, because `+` keeps the parts beside the whole, and some of a hundred thousand paths are kept
    const parts: string[] = []
    this.addPath(parts)
    return parts.join('')
  }

  private addPath(parts: string[]): void {
    const { place } = this
    if (typeof place === 'string' || typeof place === 'function') {
      parts.push(this.path)
      return
    }
    place.parent.addPath(parts)
    parts.push('.', place.field)
    if (place.step !== undefined) parts.push(showStep(place.step))
  }

  has(field: string): boolean {
    return this.slot(field) !== undefined
  }

  fields(): readonly string[] {
    return this.node.shape.names
  }

  oneof(name: string): string | undefined {
    const oneof = this.node.shape.type.oneofs.get(name)
    if (oneof === undefined) throw new Error(`${this.type} has no oneof ${name}`)
    return oneof.members.find((member) => this.node.shape.slots.has(member.name))?.name
  }

  string(field: string): string | undefined {
    return this.expect(field, 'string') as string | undefined
  }

  number(field: string): number | undefined {
    const value = this.read(field)
    if (typeof value === 'bigint') return Number(value)
    if (value !== undefined && typeof value !== 'number') throw new Error(`${this.type}.${field} is no number`)
    return value
  }

  boolean(field: string): boolean | undefined {
    return this.expect(field, 'boolean') as boolean | undefined
  }

  enum(field: string): string | undefined {
    return this.expect(field, 'string') as string | undefined
  }

  enumNumber(field: string): number | undefined {
    const name = this.enum(field)
    return name === undefined ? undefined : this.node.shape.fields[this.slot(field) ?? NOT_SET]?.enum?.numbers.get(name)
  }

  bytes(field: string): Uint8Array | undefined {
    const value = this.read(field)
    if (value !== undefined && !(value instanceof Uint8Array)) throw new Error(`${this.type}.${field} is no bytes field`)
    return value
  }

  duration(field: string): number | undefined {
    const value = this.expect(field, 'object') as Duration | undefined
    return value === undefined ? undefined : value.seconds * 1000 + value.nanos / 1e6
  }

  message(field: string): Cursor | undefined {
    const value = this.read(field)
    if (value === undefined) return undefined
    if (!(value instanceof Message)) throw new Error(`${this.type}.${field} is no message field`)
    return new MessageCursor(value, { parent: this, field, step: undefined })
  }

  messages(field: string): readonly Cursor[] {
    const list = this.list(field)
    return list.length === 0 ? NOTHING : list.map((value, index) => this.below(field, value, index))
  }

  count(field: string): number {
    const slot = this.slot(field)
    if (slot === undefined) return 0
    this.node.setRead(slot)
    return this.node.count(slot)
  }

  item(field: string, index: number): Cursor {
    return this.below(field, this.node.item(this.slot(field) ?? NOT_SET, index), index)
  }

  *each(field: string): Generator<Cursor> {
    const count = this.count(field)
    for (let index = 0; index < count; index++) yield this.item(field, index)
  }

  strings(field: string): readonly string[] {
    return this.list(field) as readonly string[]
  }

  numbers(field: string): readonly number[] {
    const list = this.list(field)
    return list.length === 0 ? NOTHING : list.map(Number)
  }

  map(field: string): readonly (readonly [string, Cursor])[] {
    const entries = this.entries(field)
    return entries.length === 0 ? NOTHING : entries.map(([key, value]) => [key, this.below(field, value, key)] as const)
  }

  entries(field: string): readonly (readonly [string, unknown])[] {
    return this.list(field) as readonly (readonly [string, unknown])[]
  }

  raw(field: string): unknown {
    return this.read(field)
  }

  any(field: string): Cursor | undefined {
    const slot = this.slot(field)
    if (slot === undefined) return undefined
    return this.below(field, this.node.at(slot), undefined, slot)
  }

  mark(field: string, fieldClass: FieldClass, reason: string): void {
    const slot = this.slot(field)
    if (slot !== undefined) this.node.setMark(slot, markOf(fieldClass, reason))
  }

  markAll(fieldClass: FieldClass, reason: string): void {
    this.node.setMark(-1, markOf(fieldClass, reason))
  }

  at(field: string, index?: number): string {
    return `${this.path}.${field}${index === undefined ? '' : showStep(index)}`
  }

  private slot(field: string): number | undefined {
    const slot = this.node.shape.slotOf(field)
    if (slot === UNKNOWN) throw new Error(`${this.type} has no field ${field}`)
    return slot === NOT_SET ? undefined : slot
  }

  private read(field: string): unknown {
    const slot = this.slot(field)
    if (slot === undefined) return undefined
    this.node.setRead(slot)
    return this.node.at(slot)
  }

  private expect(field: string, kind: 'string' | 'boolean' | 'object'): unknown {
    const value = this.read(field)
    if (value !== undefined && typeof value !== kind) throw new Error(`${this.type}.${field} is no ${kind} field`)
    return value
  }

  private list(field: string): readonly unknown[] {
    const value = this.read(field)
    if (value === undefined) return NOTHING
    if (!Array.isArray(value)) throw new Error(`${this.type}.${field} is no list and no map`)
    return value
  }

  /** A message, or the payload of an Any. An Any of unknown type is not read by looking at it: nobody knows what it asks for. */
  private below(field: string, value: unknown, step: number | string | undefined, slot?: number): Cursor {
    if (value instanceof RawAny) return new UnknownCursor(value, `${this.at(field)}${step === undefined ? '' : showStep(step)}`)
    if (!(value instanceof Message)) throw new Error(`${this.type}.${field} holds no message`)
    if (slot !== undefined) this.node.setRead(slot)
    const cursor = new MessageCursor(value, { parent: this, field, step })
    return value.shape.type.name.endsWith('.TypedStruct') ? cursor.payload() : cursor
  }

  /** through a TypedStruct to the message that it carries */
  private payload(): Cursor {
    const url = this.string('type_url') ?? ''
    const slot = this.node.shape.slots.get('value')
    const held = slot === undefined ? undefined : this.node.at(slot)
    if (slot !== undefined && held instanceof Message) {
      this.node.setRead(slot)
      return new MessageCursor(held, { parent: this, field: 'value', step: undefined })
    }
    return new UnknownCursor(held instanceof RawAny ? held : new RawAny(typeName(url), held), `${this.path}.value`)
  }
}

/** An Any of a type that is not in the schema: it has a type name and a raw value, and no fields that anybody could read. */
class UnknownCursor implements Cursor {
  readonly known = false
  readonly path: string
  private readonly node: RawAny

  constructor(node: RawAny, path: string) {
    this.node = node
    this.path = path
  }

  get type(): string {
    return this.node.typeName
  }

  has(): boolean {
    return false
  }
  fields(): readonly string[] {
    return NOTHING
  }
  oneof(): undefined {}
  string(): undefined {}
  number(): undefined {}
  boolean(): undefined {}
  enum(): undefined {}
  enumNumber(): undefined {}
  bytes(): undefined {}
  duration(): undefined {}
  message(): undefined {}
  messages(): readonly Cursor[] {
    return NOTHING
  }
  count(): number {
    return 0
  }
  item(): Cursor {
    return this
  }
  each(): readonly Cursor[] {
    return NOTHING
  }
  strings(): readonly string[] {
    return NOTHING
  }
  numbers(): readonly number[] {
    return NOTHING
  }
  map(): readonly (readonly [string, Cursor])[] {
    return NOTHING
  }
  entries(): readonly (readonly [string, unknown])[] {
    return NOTHING
  }
  /** the whole value; this is how a caller that knows the type by its name reads it */
  raw(): unknown {
    this.node.read = true
    return this.node.value
  }
  any(): undefined {}
  mark(): void {}
  markAll(fieldClass: FieldClass, reason: string): void {
    this.node.mark = { class: fieldClass, reason }
  }
  at(field: string): string {
    return `${this.path}.${field}`
  }
}
