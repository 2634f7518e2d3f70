/**
 * What is known of every xDS message, ready for lookups. In: schema.gen.json (schema-file.ts states its form). Out: message and enum types, built when first asked for.
 * Invariant: a field is found under its snake_case and its camelCase name, and names from a snapshot never meet object prototypes.
 */
import { readFileSync } from 'node:fs'
import { type Check, fieldChecks, unsetFinding } from './rules.ts'
import type { ScalarType, SchemaField, SchemaFile, SchemaMessage } from './schema-file.ts'

/** How a value of a field is written in JSON. */
export type ValueKind = ScalarType | 'enum' | 'message' | 'any' | 'duration' | 'timestamp' | 'raw'

export interface EnumType {
  readonly name: string
  readonly numbers: ReadonlyMap<string, number>
  /** the same without case: Envoy reads `strict_dns` as STRICT_DNS */
  readonly folded: ReadonlyMap<string, number>
  /** canonical (first declared) name of a number */
  readonly names: ReadonlyMap<number, string>
  readonly disallowed: ReadonlySet<string>
}

export interface Field {
  readonly name: string
  readonly json: string
  /** in the binary form */
  readonly number: number
  /** place in the order of declaration */
  readonly index: number
  readonly kind: ValueKind
  /** a wrapper such as google.protobuf.UInt32Value: presence is kept, the value stands for itself */
  readonly wrapper: boolean
  readonly repeated: boolean
  /** kind of a map's keys */
  readonly map: ScalarType | undefined
  /** bit of the oneof in its message, or 0 */
  readonly oneofBit: number
  readonly oneof: string | undefined
  readonly disallowed: boolean
  readonly message: MessageType | undefined
  readonly enum: EnumType | undefined
  /** an unknown number is refused */
  readonly definedOnly: boolean
  /** rules of the whole value (list, map or single) and of each element; each gives a text when the value breaks it */
  readonly check: Check | undefined
  readonly checkItem: Check | undefined
  readonly checkKey: Check | undefined
  /** what is wrong when the field is not set: proto3 defaults meet the rules too */
  readonly unset: UnsetFinding | undefined
}

export interface UnsetFinding {
  readonly kind: 'required' | 'rule'
  readonly text: string
}

export interface MessageType {
  readonly name: string
  readonly fields: readonly Field[]
  /** by snake_case and by JSON name */
  readonly lookup: ReadonlyMap<string, Field>
  /** by number in the binary form */
  readonly numbers: ReadonlyMap<number, Field>
  readonly oneofs: ReadonlyMap<string, { readonly members: readonly Field[]; readonly required: boolean }>
  /** google.protobuf types whose JSON is not an object of their fields */
  readonly wellKnown: ValueKind | 'wrapper' | undefined
}

export interface Schema {
  /** version of the API's package */
  readonly version: string
  message(name: string): MessageType | undefined
}

const WRAPPERS: ReadonlyMap<string, ScalarType> = new Map([
  ['google.protobuf.DoubleValue', 'double'],
  ['google.protobuf.FloatValue', 'float'],
  ['google.protobuf.Int64Value', 'int64'],
  ['google.protobuf.UInt64Value', 'uint64'],
  ['google.protobuf.Int32Value', 'int32'],
  ['google.protobuf.UInt32Value', 'uint32'],
  ['google.protobuf.BoolValue', 'bool'],
  ['google.protobuf.StringValue', 'string'],
  ['google.protobuf.BytesValue', 'bytes'],
])

const WELL_KNOWN: ReadonlyMap<string, ValueKind> = new Map([
  ['google.protobuf.Any', 'any'],
  ['google.protobuf.Duration', 'duration'],
  ['google.protobuf.Timestamp', 'timestamp'],
  ['google.protobuf.Struct', 'raw'],
  ['google.protobuf.Value', 'raw'],
  ['google.protobuf.ListValue', 'raw'],
  ['google.protobuf.FieldMask', 'raw'],
])

export function createSchema(file: SchemaFile): Schema {
  const messages = new Map(Object.entries(file.messages))
  const enums = new Map(Object.entries(file.enums))
  const messageTypes = new Map<string, MessageType>()
  const enumTypes = new Map<string, EnumType>()

  const enumType = (name: string): EnumType | undefined => {
    const known = enumTypes.get(name)
    const found = enums.get(name)
    if (known || !found) return known
    const numbers = new Map(Object.entries(found.values))
    const names = new Map<number, string>()
    for (const [label, number] of numbers) if (!names.has(number)) names.set(number, label)
    const folded = new Map([...numbers].map(([label, number]) => [label.toUpperCase(), number]))
    const made = { name, numbers, folded, names, disallowed: new Set(found.disallowed ?? []) }
    enumTypes.set(name, made)
    return made
  }

  const message = (name: string): MessageType | undefined => {
    const known = messageTypes.get(name)
    if (known) return known
    const found = messages.get(name)
    if (!found) return undefined
    const made = messageType(name, found, message, enumType)
    messageTypes.set(name, made)
    return made
  }
  return { version: file.version, message }
}

function messageType(
  name: string,
  from: SchemaMessage,
  message: (name: string) => MessageType | undefined,
  enumType: (name: string) => EnumType | undefined,
): MessageType {
  const oneofNames = Object.keys(from.oneofs ?? {})
  const fields = from.fields.map((field, index) => makeField(field, index, oneofNames, message, enumType))
  const lookup = new Map<string, Field>()
  for (const field of fields) lookup.set(field.json, field)
  for (const field of fields) lookup.set(field.name, field)
  const oneofs = new Map(
    oneofNames.map((oneof) => {
      const members = fields.filter((field) => field.oneof === oneof)
      return [oneof, { members, required: from.oneofs?.[oneof]?.required === true }] as const
    }),
  )
  const numbers = new Map(fields.map((field) => [field.number, field]))
  return { name, fields, lookup, numbers, oneofs, wellKnown: WRAPPERS.has(name) ? 'wrapper' : WELL_KNOWN.get(name) }
}

function makeField(
  from: SchemaField,
  index: number,
  oneofNames: readonly string[],
  message: (name: string) => MessageType | undefined,
  enumType: (name: string) => EnumType | undefined,
): Field {
  const of = from.type === 'message' ? (from.of ?? '') : ''
  const wrapped = WRAPPERS.get(of)
  const kind: ValueKind = wrapped ?? WELL_KNOWN.get(of) ?? from.type
  const enumOf = kind === 'enum' ? enumType(from.of ?? '') : undefined
  const checks = fieldChecks(from, enumOf)
  return {
    name: from.name,
    json: from.json ?? from.name,
    number: from.number,
    index,
    kind,
    wrapper: wrapped !== undefined,
    repeated: from.repeated === true,
    map: from.map,
    oneof: from.oneof,
    oneofBit: from.oneof === undefined ? 0 : 1 << oneofNames.indexOf(from.oneof),
    disallowed: from.disallowed === true,
    get message() {
      return of === '' ? undefined : message(of)
    },
    enum: enumOf,
    definedOnly: checks.definedOnly,
    check: checks.value,
    checkItem: checks.item,
    checkKey: checks.key,
    unset: unsetFinding(from, checks),
  }
}

let loaded: Schema | undefined

/** The schema that this build knows; read once. */
export function envoySchema(): Schema {
  loaded ??= createSchema(JSON.parse(readFileSync(new URL('./schema.gen.json', import.meta.url), 'utf8')) as SchemaFile)
  return loaded
}

/** "type.googleapis.com/envoy.config.cluster.v3.Cluster" -> "envoy.config.cluster.v3.Cluster" */
export function typeName(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1)
}
