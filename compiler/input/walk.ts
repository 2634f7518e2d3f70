/**
 * All messages of a resource, by type. In: a decoded resource and the types that somebody asks for. Out: a cursor for each message of these types,
 * parents first, also inside of Any payloads. Messages that nobody asks for get no cursor and no path, and types that cannot hold one of those are not
 * entered, so that a walk over a large snapshot is cheap. Any payloads of types that the schema does not have are told apart, where somebody asks.
 */
import type { Cursor } from './cursor.ts'
import { showStep } from './decode.ts'
import { Message, RawAny } from './message.ts'
import { createCursor } from './message-cursor.ts'
import type { Resource } from './resource.ts'
import type { Field, MessageType } from './schema.ts'

/** Told of every Any whose type the schema does not have: where, and which type it names. */
export type Unknown = (path: string, type: string) => void

export function walkMessages(resource: Resource, types: ReadonlySet<string>, visit: (at: Cursor) => void, unknown?: Unknown): void {
  if (resource.content instanceof Message) new Walk(resource.path, types, visit, unknown).message(resource.content)
}

type Step = Field | number | string

class Walk {
  private readonly root: string
  private readonly types: ReadonlySet<string>
  private readonly visit: (at: Cursor) => void
  private readonly unknown: Unknown | undefined
  private readonly trail: Step[] = []

  constructor(root: string, types: ReadonlySet<string>, visit: (at: Cursor) => void, unknown: Unknown | undefined) {
    this.unknown = unknown
    this.root = root
    this.types = types
    this.visit = visit
  }

  message(message: Message): void {
    const { type, fields } = message.shape
    if (this.types.has(type.name)) {
      const steps = this.trail.slice()
      this.visit(createCursor(message, () => pathOf(this.root, steps)))
    }
    const holders = holdersOf(this.types)
    if (!holders.has(type)) return
    for (let slot = 0; slot < fields.length; slot++) {
      const field = fields[slot] as Field
      const count = message.count(slot)
      const value = count > 0 ? undefined : message.at(slot)
      if (count === 0 && (typeof value !== 'object' || value === null)) continue
      this.trail.push(field)
      if (count > 0) this.list(message, slot, count, field)
      else if (value instanceof Message) this.message(value)
      else if (value instanceof RawAny) this.raw(value, field)
      this.trail.pop()
    }
  }

  /** of messages, or of a map's pairs of a key and a message */
  private list(message: Message, slot: number, count: number, field: Field): void {
    for (let index = 0; index < count; index++) {
      const item = message.item(slot, index)
      const held = field.map !== undefined && Array.isArray(item) ? (item as readonly unknown[]) : undefined
      const inner = held === undefined ? item : held[1]
      if (typeof inner !== 'object') return
      if (!(inner instanceof Message) && !(inner instanceof RawAny)) continue
      this.trail.push(held === undefined ? index : String(held[0]))
      if (inner instanceof Message) this.message(inner)
      else this.raw(inner, field)
      this.trail.pop()
    }
  }

  /** Well-known types have a JSON of their own, and what a TypedStruct names is no Any. */
  private raw({ typeName }: RawAny, field: Field): void {
    if (field.kind === 'any' && typeName !== '' && !typeName.startsWith('google.protobuf.'))
      this.unknown?.(pathOf(this.root, this.trail), typeName)
  }
}

function pathOf(root: string, steps: readonly Step[]): string {
  return steps.reduce<string>((path, step) => path + (typeof step === 'object' ? `.${step.name}` : showStep(step)), root)
}

/** Answers whether a type can hold a message of the asked types at any depth; an Any may hold everything. */
class Holders {
  private readonly types: ReadonlySet<string>
  private readonly known = new Map<MessageType, boolean>()

  constructor(types: ReadonlySet<string>) {
    this.types = types
  }

  has(type: MessageType): boolean {
    const known = this.known.get(type)
    if (known !== undefined) return known
    const found = this.reaches(type)
    this.known.set(type, found)
    return found
  }

  private reaches(start: MessageType): boolean {
    const seen = new Set([start])
    for (const type of seen) {
      for (const field of type.fields) {
        // TypedStruct carries a message as a Struct
        if (field.kind === 'any' || (field.kind === 'raw' && type.name.endsWith('.TypedStruct'))) return true
        const inner = field.kind === 'message' ? field.message : undefined
        if (inner === undefined) continue
        if (this.types.has(inner.name)) return true
        seen.add(inner)
      }
    }
    return false
  }
}

const holders = new WeakMap<ReadonlySet<string>, Holders>()

function holdersOf(types: ReadonlySet<string>): Holders {
  let made = holders.get(types)
  if (made === undefined) {
    made = new Holders(types)
    holders.set(types, made)
  }
  return made
}
