/**
 * Which fields of a message are set, and in which order: what a hundred thousand equal messages have in common. In: a type, and field after field. Out: the same
 * Shape for the same fields in the same order, with the questions that depend on nothing else answered once.
 */
import type { Field, MessageType } from './schema.ts'

export const NOT_SET = -1
export const UNKNOWN = -2

/** by their number */
const shapes: Shape[] = []

export class Shape {
  readonly type: MessageType
  /** set fields in the order of the text; the values of a message are in the same order */
  readonly fields: readonly Field[]
  readonly slots: ReadonlyMap<string, number>
  /** stands for the shape where a message is kept as numbers */
  readonly number: number
  private readonly next = new Map<Field, Shape>()
  /** answers of slotOf: most questions are about fields that are not set */
  private readonly asked = new Map<string, number>()
  private sorted: readonly string[] | undefined
  private unset: readonly Field[] | undefined
  private emptyOneofs: readonly string[] | undefined

  constructor(type: MessageType, fields: readonly Field[]) {
    this.type = type
    this.fields = fields
    this.slots = new Map(fields.map((field, slot) => [field.name, slot]))
    this.number = shapes.push(this) - 1
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
}

const roots = new WeakMap<MessageType, Shape>()

/** of a message that has nothing set */
export function rootShape(type: MessageType): Shape {
  let shape = roots.get(type)
  if (shape === undefined) {
    shape = new Shape(type, [])
    roots.set(type, shape)
  }
  return shape
}

export function shapeOf(number: number): Shape {
  return shapes[number] as Shape
}
