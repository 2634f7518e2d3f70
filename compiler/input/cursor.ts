/**
 * CONTRACT: a reader over one decoded message that accounts for every field it is asked for. `readInput` (read.ts) gives one for each resource;
 * message-cursor.ts implements it, coverage.ts counts what was read.
 *
 * Decoded messages (input/decode.ts) are plain objects with snake_case names, enums as their canonical names, wrapper types
 * unwrapped, google.protobuf.Duration as {seconds, nanos}, 64-bit integers as number when safe else bigint, bytes as Uint8Array,
 * google.protobuf.Struct/Value as plain JSON, and Any as the decoded message when its type is known (its full type name is known to the
 * decoder), else as an opaque raw value.
 *
 * A read marks the field `compiled` for that message instance; `mark` gives it another class, also for everything below it, and wins over reads.
 * `has`, `fields` and `oneof` are no reads. `any` reads the field only when the payload's type is known. What nobody read is classified
 * afterwards by the fate tables (parse/fates.ts), else counted as unclassified (which tests forbid).
 * A field name that the type does not have, or a read of another kind than the field's, is a mistake of the caller and throws.
 */
export type FieldClass = 'compiled' | 'equivalent' | 'ignored-safe' | 'diverted' | 'rejected'

export interface Cursor {
  /** full message name, e.g. "envoy.config.cluster.v3.Cluster" */
  readonly type: string
  /** xDS path, e.g. cds["a"].circuit_breakers.thresholds[0]; built when asked for */
  readonly path: string
  has(field: string): boolean
  /** names of the set fields, in schema order */
  fields(): readonly string[]
  /** the field of this oneof that is set, or undefined */
  oneof(name: string): string | undefined
  string(field: string): string | undefined
  /** integers up to 2^53, floats, and wrappers of both */
  number(field: string): number | undefined
  boolean(field: string): boolean | undefined
  /** canonical enum name; an unknown number or name was warned about and reads as undefined */
  enum(field: string): string | undefined
  /** the number of the same value */
  enumNumber(field: string): number | undefined
  bytes(field: string): Uint8Array | undefined
  /** milliseconds, fractions kept */
  duration(field: string): number | undefined
  message(field: string): Cursor | undefined
  messages(field: string): readonly Cursor[]
  /** of a list of messages that may be long: one after the other, or by number; `count` reads the field */
  each(field: string): Iterable<Cursor>
  count(field: string): number
  /** @param index below `count` */
  item(field: string, index: number): Cursor
  strings(field: string): readonly string[]
  numbers(field: string): readonly number[]
  /** map<string, Message>; scalars come through `strings`-like `entries` */
  map(field: string): readonly (readonly [string, Cursor])[]
  entries(field: string): readonly (readonly [string, unknown])[]
  /** decoded value as it is (Struct, unknown Any, ...) */
  raw(field: string): unknown
  /** an Any field: the cursor of its payload (its `type` is the payload's), also through envoy TypedStruct/xds.type.v3.TypedStruct; an unknown type gives a cursor with `known` false and `type` its name */
  any(field: string): Cursor | undefined
  readonly known: boolean
  /** gives a set field, with everything below it, a class and a reason (no-op when the field is not set) */
  mark(field: string, fieldClass: FieldClass, reason: string): void
  /** the same for this whole message */
  markAll(fieldClass: FieldClass, reason: string): void
  /** path of a field of this message, for diagnostics */
  at(field: string, index?: number): string
}
