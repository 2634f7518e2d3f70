/**
 * One resource of a JSON text, read on its own. In: its bytes, and what it was when the whole text was read. Out: the resource, decoded; undefined where it can no longer
 * be told from these bytes alone what it is. Findings go to `diag`; they are those of reading the whole text, but for their places.
 */
import { isUtf8 } from 'node:buffer'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { createDecoder } from './decode.ts'
import { isObject } from './json-object.ts'
import { countKeys, scanJson } from './json-text.ts'
import { Message } from './message.ts'
import { createCursor } from './message-cursor.ts'
import { nameOf, type Resource } from './resource.ts'
import { envoySchema, type Schema, typeName } from './schema.ts'

export type KnownResource = Pick<Resource, 'kind' | 'type' | 'name' | 'path' | 'origin' | 'loaded'>

/** Far below what the whole text may have, far above what a resource needs. */
const DEPTH = 200

export function readAgain(
  bytes: Uint8Array,
  known: KnownResource,
  diag: Diagnostics,
  schema: Schema = envoySchema(),
): (Resource & { readonly content: Message }) | undefined {
  const value = parsed(bytes)
  // "@type" and name say what a resource is wherever it stands; without them its surroundings do
  if (!isObject(value) || typeof value['@type'] !== 'string' || typeName(value['@type']) !== known.type) return undefined
  if (nameOf(known.kind, value, '') !== known.name) return undefined
  const type = schema.message(known.type)
  if (type === undefined) return undefined
  const decoder = createDecoder(schema, diag)
  const content = decoder.resource(type, value, known.path, known.origin, known.loaded ? 'loaded' : 'compiled')
  decoder.finish()
  if (!(content instanceof Message)) return undefined
  return { ...known, content, cursor: createCursor(content, known.path) }
}

/** undefined also for repeated keys, which are told of with their places */
function parsed(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) return undefined
  const { keys, tooDeepAt } = scanJson(bytes, DEPTH)
  if (tooDeepAt !== undefined) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
    return countKeys(value) === keys ? value : undefined
  } catch {
    return undefined
  }
}
