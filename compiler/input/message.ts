/**
 * Decoded messages. In: shapes and values. Out: Message, a view of one message; making one again gives an equal view. A snapshot has millions of messages, so they are
 * kept as numbers: a message is its shape, which of its fields were read, and a word for each value; a list is its length and a word for each item. A word is a
 * small integer, the number of a text or of another thing in a table, or the place of a message or of a list.
 * Invariant: values are decoded: enums by canonical name, wrappers unwrapped, Duration {seconds, nanos}, 64-bit integers as number when safe else bigint,
 * bytes as Uint8Array, Struct as plain JSON, maps as [key, value] pairs by key, Any as its payload.
 */
import type { FieldClass } from './cursor.ts'
import { type Shape, shapeOf } from './shape.ts'

export interface Mark {
  readonly class: FieldClass
  readonly reason: string
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

/** Fields whose reads are kept as bits of the message itself. */
const WIDE = 30

export class Message {
  readonly shape: Shape
  readonly store: MessageStore
  /** of the first word, in the store */
  readonly place: number

  constructor(store: MessageStore, place: number) {
    this.store = store
    this.place = place
    this.shape = shapeOf(store.word(place))
  }

  /** the value of the field in this slot; a list and a message are made anew each time */
  at(slot: number): unknown {
    return slot < 0 || slot >= this.shape.fields.length ? undefined : this.store.value(this.store.word(this.place + HEAD + slot))
  }

  /** how many items the list or map in this slot has; 0 where there is none */
  count(slot: number): number {
    return slot < 0 ? 0 : this.store.length(this.store.word(this.place + HEAD + slot))
  }

  /** one of them, without the list around it */
  item(slot: number, index: number): unknown {
    return this.store.item(this.store.word(this.place + HEAD + slot), index)
  }

  setRead(slot: number): void {
    if (slot < WIDE) this.store.setBit(this.place + 1, slot)
    else {
      const seldom = this.store.seldom(this.place)
      seldom.read ??= new Set()
      seldom.read.add(slot)
    }
  }

  isRead(slot: number): boolean {
    if (slot < WIDE) return (this.store.word(this.place + 1) & (1 << slot)) !== 0
    return this.store.rare(this.place)?.read?.has(slot) === true
  }

  setMark(slot: number, mark: Mark): void {
    const seldom = this.store.seldom(this.place)
    if (slot < 0) seldom.whole = mark
    else {
      seldom.marks ??= new Map()
      seldom.marks.set(slot, mark)
    }
  }

  /** the mark of a slot, or of the whole message (slot -1) */
  mark(slot: number): Mark | undefined {
    const rare = this.store.rare(this.place)
    return slot < 0 ? rare?.whole : rare?.marks?.get(slot)
  }
}

/** What few messages have: reads of slots beyond the bits, and marks. */
interface Rare {
  whole: Mark | undefined
  read: Set<number> | undefined
  marks: Map<number, Mark> | undefined
}

// kinds of words, in their two lowest bits
const INTEGER = 0
const THING = 1
const MESSAGE = 2
const LIST = 3
const SMALL = 1 << 29

/** words of a message before its values: its shape, and which slots were read; the highest bit: it is in `rares` */
const HEAD = 2
const RARE_BIT = 31

// A place is the number of its page and a position in it. Pages become larger as there are more, so that a store of one small resource is small; a long list has one of its own.
const PAGE_BITS = 16
const PAGE = 1 << PAGE_BITS
const FIRST_PAGE = 1 << 8
const THINGS_BITS = 14
/** texts met last, by a part of what they are */
const TEXTS = 1 << 13

/** Where the messages of one input are. */
export class MessageStore {
  private readonly pages: Int32Array[] = []
  /** the number of the page that is filled */
  private current = 0
  private page = new Int32Array(0)
  private used = 0
  /** rows of 2^THINGS_BITS */
  private readonly things: unknown[][] = []
  private count = 0
  private readonly texts = new Int32Array(TEXTS)
  private readonly rares = new Map<number, Rare>()

  constructor() {
    this.thing(undefined)
    this.thing(false)
    this.thing(true)
  }

  /** `values` from `base` on, in the order of the shape's fields; the list itself is not kept */
  made(shape: Shape, values: readonly unknown[], base: number): Message {
    const { fields } = shape
    const place = this.room(HEAD + fields.length)
    const at = place & (PAGE - 1)
    // encoding a list may begin a new page
    const { page } = this
    page[at] = shape.number
    for (let slot = 0; slot < fields.length; slot++) {
      const value = values[base + slot]
      const listed = fields[slot]?.map !== undefined ? 'pairs' : fields[slot]?.repeated === true ? 'items' : 'single'
      page[at + HEAD + slot] = listed !== 'single' && Array.isArray(value) ? this.list(value, listed) : this.encoded(value)
    }
    return new Message(this, place)
  }

  word(place: number): number {
    return (this.pages[place >>> PAGE_BITS] as Int32Array)[place & (PAGE - 1)] as number
  }

  setBit(place: number, bit: number): void {
    const page = this.pages[place >>> PAGE_BITS] as Int32Array
    page[place & (PAGE - 1)] = (page[place & (PAGE - 1)] as number) | (1 << bit)
  }

  value(word: number): unknown {
    switch (word & 3) {
      case INTEGER:
        return word >> 2
      case THING:
        return this.thingAt(word >>> 2)
      case MESSAGE:
        return new Message(this, word >>> 2)
      default:
        return this.listAt(word >>> 2)
    }
  }

  length(list: number): number {
    return (list & 3) === LIST ? this.word(list >>> 2) >>> 1 : 0
  }

  item(list: number, index: number): unknown {
    const place = list >>> 2
    const page = this.pages[place >>> PAGE_BITS] as Int32Array
    return this.itemAt(page, place & (PAGE - 1), index)
  }

  private itemAt(page: Int32Array, at: number, index: number): unknown {
    if (((page[at] as number) & 1) === 0) return this.value(page[at + 1 + index] as number)
    return [this.value(page[at + 1 + index * 2] as number), this.value(page[at + 2 + index * 2] as number)]
  }

  rare(place: number): Rare | undefined {
    return this.word(place + 1) < 0 ? this.rares.get(place) : undefined
  }

  /** to be written to */
  seldom(place: number): Rare {
    const known = this.rare(place)
    if (known !== undefined) return known
    const made: Rare = { whole: undefined, read: undefined, marks: undefined }
    this.setBit(place + 1, RARE_BIT)
    this.rares.set(place, made)
    return made
  }

  private list(values: readonly unknown[], kind: 'items' | 'pairs'): number {
    const { length } = values
    const place = this.room(1 + (kind === 'pairs' ? 2 * length : length))
    const page = this.pages[place >>> PAGE_BITS] as Int32Array
    let at = place & (PAGE - 1)
    page[at++] = length * 2 + (kind === 'pairs' ? 1 : 0)
    for (let index = 0; index < length; index++) {
      const item = values[index]
      if (kind === 'items') page[at++] = this.encoded(item)
      else {
        const [key, value] = item as readonly [string, unknown]
        page[at++] = this.encoded(key)
        page[at++] = this.encoded(value)
      }
    }
    return (place << 2) | LIST
  }

  private listAt(place: number): readonly unknown[] {
    const page = this.pages[place >>> PAGE_BITS] as Int32Array
    const at = place & (PAGE - 1)
    const list: unknown[] = new Array((page[at] as number) >>> 1)
    for (let index = 0; index < list.length; index++) list[index] = this.itemAt(page, at, index)
    return list
  }

  private encoded(value: unknown): number {
    if (typeof value === 'number')
      return Number.isInteger(value) && value < SMALL && value >= -SMALL && !Object.is(value, -0) ? value << 2 : this.thing(value)
    if (typeof value === 'string') return this.text(value)
    if (value instanceof Message && value.store === this) return (value.place << 2) | MESSAGE
    return typeof value === 'boolean' ? ((value ? 2 : 1) << 2) | THING : value === undefined ? THING : this.thing(value)
  }

  /** Names of clusters and settings come again and again. */
  private text(value: string): number {
    const { length } = value
    const unit = (at: number): number => value.charCodeAt(at) | 0
    const slot = (length * 31 + unit(0) + unit(length - 1) * 137 + unit(length - 3) * 1009 + unit(length >> 1) * 4099) & (TEXTS - 1)
    const known = this.texts[slot] as number
    if (known !== 0 && this.thingAt(known) === value) return (known << 2) | THING
    this.texts[slot] = this.count
    return this.thing(value)
  }

  private thing(value: unknown): number {
    const number = this.count++
    const row = number >> THINGS_BITS
    if (row === this.things.length) this.things.push([value])
    else (this.things[row] as unknown[]).push(value)
    return (number << 2) | THING
  }

  private thingAt(number: number): unknown {
    return (this.things[number >> THINGS_BITS] as unknown[])[number & ((1 << THINGS_BITS) - 1)]
  }

  /** The place of that many words in a row, all 0. */
  private room(words: number): number {
    if (words > PAGE) return (this.pages.push(new Int32Array(words)) - 1) << PAGE_BITS
    if (this.used + words > this.page.length) {
      const size = Math.min(PAGE, FIRST_PAGE << Math.min(this.pages.length, PAGE_BITS))
      this.page = new Int32Array(Math.max(size, words))
      this.pages.push(this.page)
      this.used = 0
      this.current = this.pages.length - 1
    }
    const place = (this.current << PAGE_BITS) | this.used
    this.used += words
    return place
  }
}
