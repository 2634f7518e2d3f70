/**
 * A JSON value made slightly wrong. In: a value, a source of random numbers, donors to take parts of, the schema. Out: a changed copy: members that are missing, moved,
 * repeated, of another type, at the edge of their range, of another spelling, or set because the schema has them.
 */
import type { Schema } from '../../compiler/input/schema.ts'
import type { Random } from '../probes/random.ts'

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value }

const EDGES: readonly (() => Value)[] = [
  ...[null, true, false, 0, 1, -1, 0.5, 65535, 65536, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -0].map((value) => () => value),
  ...[
    '',
    ' ',
    '*',
    '*.',
    '.*',
    '/',
    '0',
    '-1',
    '1s',
    '-0.5s',
    '315576000001s',
    '1.0000000001s',
    'NaN',
    'Infinity',
    '1e400',
    'true',
    '18446744073709551616',
  ].map((value) => () => value),
  ...[
    '\u0000',
    '\ud800',
    '\u202e',
    '🙂',
    '__proto__',
    'constructor',
    '%',
    '%REQ(',
    '\\1',
    '(',
    '(?i)a{1000}',
    '(a*)*b',
    '[[:alpha:]',
    '[',
    'a'.repeat(300),
  ].map((value) => () => value),
  ...[
    '{a=*}/{a=**}',
    '/{x}',
    '::',
    '::1',
    '0.0.0.0',
    '255.255.255.255/33',
    '10.0.0.1%lo',
    'fe80::1%1',
    'type.googleapis.com/',
    'AA==',
    '2024-02-30T00:00:00Z',
  ].map((value) => () => value),
  () => [],
  () => ({}),
  () => [null],
  () => [[]],
  () => ({ value: 1 }),
  () => ({ '@type': 'type.googleapis.com/google.protobuf.Any' }),
  () => ({ '@type': 'type.googleapis.com/google.protobuf.Struct', value: {} }),
  () => ({ '@type': 'type.googleapis.com/xds.type.v3.TypedStruct', type_url: 'a/envoy.config.cluster.v3.Cluster', value: { name: 1 } }),
  () => ({ '@type': 7 }),
]

interface Slot {
  readonly holder: Value[] | { [key: string]: Value }
  readonly key: string | number
}

/** Every place below the value that holds something. */
function slotsOf(value: Value, into: Slot[] = []): Slot[] {
  if (typeof value !== 'object' || value === null) return into
  const keys: readonly (string | number)[] = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value)
  for (const key of keys) {
    into.push({ holder: value, key })
    slotsOf(read({ holder: value, key }), into)
  }
  return into
}

function read({ holder, key }: Slot): Value {
  return (holder as Readonly<Record<string | number, Value>>)[key] ?? null
}

function write({ holder, key }: Slot, value: Value): void {
  // a key such as __proto__ is a key here
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true })
}

export function mutateValue(given: Value, random: Random, donors: readonly Value[], schema: Schema): Value {
  const root = { root: structuredClone(given) as Value }
  for (let count = random.whole(1, 4); count > 0; count--) {
    const slots = slotsOf(root)
    if (slots.length === 0) break
    const slot = random.one(slots)
    const other = random.one(slots)
    step(random.whole(0, 11), slot, other, random, donors, schema)
  }
  return root.root ?? null
}

function step(kind: number, slot: Slot, other: Slot, random: Random, donors: readonly Value[], schema: Schema): void {
  const { holder, key } = slot
  const value = read(slot)
  if (kind <= 2) write(slot, random.one(EDGES)())
  else if (kind === 3) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1)
    else delete holder[key]
  } else if (kind === 4) write(slot, structuredClone(read(other)))
  else if (kind === 5) write(slot, [value, structuredClone(value)])
  else if (kind === 6) {
    if (Array.isArray(holder)) holder.push(structuredClone(value))
    else write({ holder, key: otherSpelling(String(key), random) }, structuredClone(value))
  } else if (kind === 7) {
    const parts = slotsOf({ donor: random.one(donors) })
    write(slot, structuredClone(read(random.one(parts))))
  } else if (kind === 8) write(slot, Array.isArray(value) ? (value[0] ?? null) : { [String(key)]: value })
  else if (kind === 9 && typeof value === 'string') write(slot, mixed(value, random))
  else if (kind === 9 && typeof value === 'number') write(slot, random.one([value + 1, -value, value * 1e6, String(value), value + 0.5]))
  else setKnownField(value, random, schema)
}

function otherSpelling(key: string, random: Random): string {
  const camel = key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return random.one([camel, snake, `${key}_`, key.toUpperCase(), ''])
}

function mixed(text: string, random: Random): string {
  const at = random.whole(0, text.length)
  return random.one([
    text.slice(0, at),
    text.slice(at),
    text.slice(0, at) + random.one(['%', '*', '\\', '{', '(', '/', '\n', '\u0000', '.', ':', '|', '🙂', ' ', '"']) + text.slice(at),
    text + text,
    text.toUpperCase(),
  ])
}

/** Sets a field that a message of a known type has, so that parts of the schema are met that no example uses. */
function setKnownField(value: Value, random: Random, schema: Schema): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  const url = value['@type']
  let type = typeof url === 'string' ? schema.message(url.slice(url.lastIndexOf('/') + 1)) : undefined
  let holder = value
  for (let depth = 0; type !== undefined && depth < 12; depth++) {
    if (type.fields.length === 0) return
    const field = random.one(type.fields)
    const held = holder[field.name]
    const inner = Array.isArray(held) ? held[0] : held
    if (field.message === undefined || field.kind !== 'message' || random.chance(0.1)) {
      holder[field.name] =
        field.kind === 'enum' && field.enum !== undefined ? random.one([...field.enum.names.values()]) : random.one(EDGES)()
      return
    }
    let next: { [key: string]: Value } = {}
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) next = inner
    else holder[field.name] = field.map !== undefined ? { k: next } : field.repeated ? [next] : next
    holder = next
    type = field.message
  }
}
