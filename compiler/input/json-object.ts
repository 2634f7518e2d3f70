/**
 * Parsed JSON as untrusted data. In: any value; out: its members, by own names only. Invariant: nothing here follows a prototype.
 */

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** protobuf's JSON name of a field */
export function camel(name: string): string {
  return name.includes('_') ? name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) : name
}

/** the key under which a member stands: as it is, or in camelCase; undefined when it is under neither */
export function keyOf(value: JsonObject, name: string): string | undefined {
  if (Object.hasOwn(value, name)) return name
  const other = camel(name)
  return Object.hasOwn(value, other) ? other : undefined
}

/** a member under either name; undefined also for what is no object */
export function get(value: unknown, name: string): unknown {
  if (!isObject(value)) return undefined
  const key = keyOf(value, name)
  return key === undefined ? undefined : value[key]
}
