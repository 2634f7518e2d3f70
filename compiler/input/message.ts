/**
 * Decoded messages. A message is a shape (its type and which fields are set) and the values in the same order, so that a hundred thousand equal
 * messages share their bookkeeping. Invariant: values are decoded: enums by canonical name, wrappers unwrapped, Duration {seconds, nanos},
 * 64-bit integers as number when safe else bigint, bytes as Uint8Array, Struct as plain JSON, maps as [key, value] pairs by key, Any as its payload.
 */
import type { FieldClass } from './cursor.ts'
import type { Field, MessageType } from './schema.ts'

export interface Mark {
  readonly class: FieldClass
  readonly reason: string
}

export class Shape {
  readonly type: MessageType
  /** set fields in the order of the text; `values` of a message are in the same order */
  readonly fields: readonly Field[]
  readonly slots: ReadonlyMap<string, number>
  private readonly next = new Map<Field, Shape>()
  private sorted: readonly string[] | undefined
  private unset: readonly Field[] | undefined

  constructor(type: MessageType, fields: readonly Field[]) {
    this.type = type
    this.fields = fields
    this.slots = new Map(fields.map((field, slot) => [field.name, slot]))
  }

  with(field: Field): Shape {
    const known = this.next.get(field)
    if (known) return known
    const made = new Shape(this.type, [...this.fields, field])
    this.next.set(field, made)
    return made
  }

  /** names of the set fields in schema order */
  get names(): readonly string[] {
    this.sorted ??= [...this.fields].sort((a, b) => a.index - b.index).map((field) => field.name)
    return this.sorted
  }

  /** fields that are not set and should be */
  get missing(): readonly Field[] {
    this.unset ??= this.type.fields.filter((field) => field.unset !== undefined && !this.slots.has(field.name))
    return this.unset
  }

  /** oneofs that need a member and have none */
  get missingOneofs(): readonly string[] {
    this.emptyOneofs ??= [...this.type.oneofs]
      .filter(([, oneof]) => oneof.required && !oneof.members.some((m) => this.slots.has(m.name)))
      .map(([name]) => name)
    return this.emptyOneofs
  }
  private emptyOneofs: readonly string[] | undefined
}

const WIDE = 30

export class Message {
  readonly shape: Shape
  readonly values: readonly unknown[]
  /** bit i: the field in slot i was read */
  private read = 0
  private readWide: Set<number> | undefined
  private marked: Map<number, Mark> | undefined

  constructor(shape: Shape, values: readonly unknown[]) {
    this.shape = shape
    this.values = values
  }

  setRead(slot: number): void {
    if (slot < WIDE) this.read |= 1 << slot
    else {
      this.readWide ??= new Set()
      this.readWide.add(slot)
    }
  }

  isRead(slot: number): boolean {
    return slot < WIDE ? (this.read & (1 << slot)) !== 0 : this.readWide?.has(slot) === true
  }

  setMark(slot: number, mark: Mark): void {
    this.marked ??= new Map()
    this.marked.set(slot, mark)
  }

  /** the mark of a slot, or of the whole message (slot -1) */
  mark(slot: number): Mark | undefined {
    return this.marked?.get(slot)
  }
}

/** An Any whose type is not in the schema, or is a well-known type with a JSON of its own. */
export class RawAny {
  readonly typeName: string
  readonly value: unknown
  read = false
  mark: Mark | undefined

  constructor(typeName: string, value: unknown) {
    this.typeName = typeName
    this.value = value
  }
}

const roots = new WeakMap<MessageType, Shape>()

export function rootShape(type: MessageType): Shape {
  let shape = roots.get(type)
  if (shape === undefined) {
    shape = new Shape(type, [])
    roots.set(type, shape)
  }
  return shape
}
