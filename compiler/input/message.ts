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

export const NOT_SET = -1
export const UNKNOWN = -2

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

  /** Slot of a field by its name; NOT_SET for one that the type has, UNKNOWN for one that it has not. */
  slotOf(name: string): number {
    const known = this.asked.get(name)
    if (known !== undefined) return known
    const slot = this.slots.get(name) ?? (this.type.lookup.has(name) ? NOT_SET : UNKNOWN)
    this.asked.set(name, slot)
    return slot
  }
  /** answers of slotOf: most questions are about fields that are not set */
  private readonly asked = new Map<string, number>()

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

/** What few messages have: reads of slots beyond the bits, and marks by slot. */
interface Rare {
  bits: number
  readonly read: Set<number>
  readonly marks: Map<number, Mark>
}

/** A hundred thousand endpoints are a million messages: values stand in the object itself, without a list of their own, and there is one class for each few sizes. */
export abstract class Message {
  readonly shape: Shape
  /** bit i: the field in slot i was read */
  private state: number | Rare = 0

  protected constructor(shape: Shape) {
    this.shape = shape
  }

  /** @param values in the order of the shape's fields */
  static of(shape: Shape, values: readonly unknown[]): Message {
    return made(shape, values, 0)
  }

  /** the value of the field in this slot */
  abstract at(slot: number): unknown

  setRead(slot: number): void {
    if (slot >= WIDE) this.seldom().read.add(slot)
    else if (typeof this.state === 'number') this.state |= 1 << slot
    else this.state.bits |= 1 << slot
  }

  isRead(slot: number): boolean {
    const { state } = this
    if (typeof state === 'number') return slot < WIDE && (state & (1 << slot)) !== 0
    return slot < WIDE ? (state.bits & (1 << slot)) !== 0 : state.read.has(slot)
  }

  setMark(slot: number, mark: Mark): void {
    this.seldom().marks.set(slot, mark)
  }

  /** the mark of a slot, or of the whole message (slot -1) */
  mark(slot: number): Mark | undefined {
    return typeof this.state === 'number' ? undefined : this.state.marks.get(slot)
  }

  private seldom(): Rare {
    if (typeof this.state === 'number') this.state = { bits: this.state, read: new Set(), marks: new Map() }
    return this.state
  }
}

class Small extends Message {
  private readonly first: unknown
  constructor(shape: Shape, first: unknown) {
    super(shape)
    this.first = first
  }
  at(slot: number): unknown {
    return slot === 0 ? this.first : undefined
  }
}

class Medium extends Message {
  private readonly first: unknown
  private readonly second: unknown
  constructor(shape: Shape, first: unknown, second: unknown) {
    super(shape)
    this.first = first
    this.second = second
  }
  at(slot: number): unknown {
    return slot === 0 ? this.first : slot === 1 ? this.second : undefined
  }
}

class Large extends Message {
  private readonly first: unknown
  private readonly second: unknown
  private readonly third: unknown
  private readonly fourth: unknown
  constructor(shape: Shape, values: readonly unknown[], base: number) {
    super(shape)
    this.first = values[base]
    this.second = values[base + 1]
    this.third = values[base + 2]
    this.fourth = shape.fields.length > 3 ? values[base + 3] : undefined
  }
  at(slot: number): unknown {
    switch (slot) {
      case 0:
        return this.first
      case 1:
        return this.second
      case 2:
        return this.third
      case 3:
        return this.fourth
      default:
        return undefined
    }
  }
}

class Huge extends Message {
  private readonly values: readonly unknown[]
  constructor(shape: Shape, values: readonly unknown[]) {
    super(shape)
    this.values = values
  }
  at(slot: number): unknown {
    return this.values[slot]
  }
}

/** `values` from `base` on, in the order of the shape's fields; the list itself is not kept */
export function made(shape: Shape, values: readonly unknown[], base: number): Message {
  const size = shape.fields.length
  if (size <= 1) return new Small(shape, size === 0 ? undefined : values[base])
  if (size === 2) return new Medium(shape, values[base], values[base + 1])
  return size <= 4 ? new Large(shape, values, base) : new Huge(shape, values.slice(base, base + size))
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
