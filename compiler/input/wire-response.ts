/**
 * DiscoveryResponse and DeltaDiscoveryResponse in protobuf's binary form. In: bytes; out: whether they are one, and its resources as JSON, one after the other, each
 * with the offset at which it begins, so that only one is in memory at a time. The form is recognised by the type URLs inside, never by a file name:
 * other binary messages do not say what they are. Invariant: never throws; a length is believed only when it is inside of the bytes.
 */
import type { Schema } from './schema.ts'
import { LENGTH_DELIMITED, scanFields, type WireField } from './wire-fields.ts'
import { wireToJson } from './wire-json.ts'

export type ResponseKind = 'DiscoveryResponse' | 'DeltaDiscoveryResponse'

export type ResponseItem =
  | { readonly kind: 'resource'; readonly json: unknown; readonly offset: number }
  | {
      readonly kind: 'finding'
      readonly code: 'KM1010' | 'KM1022' | 'KM1024'
      readonly severity: 'error' | 'warning'
      readonly message: string
      readonly offset: number
    }

const RESOURCES = 2
const TYPE_URL = 4
/** numbers and wire types of the fields: version_info, resources, canary, type_url, nonce, and those that differ */
const FIELDS: Readonly<Record<ResponseKind, ReadonlyMap<number, number>>> = {
  DiscoveryResponse: new Map([1, 2, 3, 4, 5, 6, 7].map((number) => [number, number === 3 ? 0 : LENGTH_DELIMITED])),
  DeltaDiscoveryResponse: new Map([1, 2, 4, 5, 6, 7, 8, 9].map((number) => [number, LENGTH_DELIMITED])),
}
const RESOURCE_URL = 'type.googleapis.com/envoy.service.discovery.v3.Resource'
/** bytes; what is smaller is read at once, which takes less time */
const LONG_RESOURCE = 1_000_000
/** Fields that may stand before the first resource or the type_url. */
const FIRST_FIELDS = 16

/** What the bytes are by their first type URL; also of a response that is cut off behind it. */
export function recogniseResponse(bytes: Uint8Array): ResponseKind | undefined {
  let scanned = 0
  for (const field of scanFields(bytes, 0, bytes.length)) {
    const known = FIELDS.DiscoveryResponse.has(field.number) || FIELDS.DeltaDiscoveryResponse.has(field.number)
    if (!known || ++scanned > FIRST_FIELDS) return undefined
    if (field.number === RESOURCES) {
      // a resource that reaches beyond the end is looked into all the same
      const kind = kindOfResource(bytes, field.begin, Math.min(field.end, bytes.length))
      if (kind !== undefined) return kind
    } else if (field.number === TYPE_URL && field.kind === 'field' && isUrl(textOf(bytes, field))) return 'DiscoveryResponse'
  }
  return undefined
}

/** An Any begins with its type URL; a Resource of delta holds an Any in field 2. */
function kindOfResource(bytes: Uint8Array, begin: number, end: number): ResponseKind | undefined {
  for (const field of scanFields(bytes, begin, end)) {
    if (field.wire !== LENGTH_DELIMITED) return undefined
    if (field.number === 1 && field.kind === 'field' && isUrl(textOf(bytes, field))) return 'DiscoveryResponse'
    if (field.number === 2) {
      for (const inner of scanFields(bytes, field.begin, Math.min(field.end, end)))
        return inner.number === 1 && inner.kind === 'field' && isUrl(textOf(bytes, inner)) ? 'DeltaDiscoveryResponse' : undefined
    }
    if (field.kind === 'malformed') return undefined
  }
  return undefined
}

const URL_LIMIT = 300

function textOf(bytes: Uint8Array, { begin, end }: WireField): string {
  return end - begin > URL_LIMIT ? '' : Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin).toString('latin1')
}

function isUrl(text: string): boolean {
  return /^[\w.:-]+(?:\/[\w.-]+)*\/[a-z]\w*(?:\.\w+)+$/.test(text)
}

/** The resources in the order of the response. After a place where the bytes are no message nothing follows. */
/** @param long bytes of a resource whose lists are LazyLists */
export function* readResponse(
  bytes: Uint8Array,
  kind: ResponseKind,
  schema: Schema,
  long: number = LONG_RESOURCE,
): Generator<ResponseItem> {
  const strange = new Set<number>()
  for (const field of scanFields(bytes, 0, bytes.length)) {
    if (field.kind === 'malformed') {
      yield {
        kind: 'finding',
        code: 'KM1022',
        severity: 'error',
        message: `the ${kind} is not valid protobuf: ${field.why}`,
        offset: field.tag,
      }
      return
    }
    const expected = FIELDS[kind].get(field.number)
    if (field.number === RESOURCES && field.wire === LENGTH_DELIMITED) {
      const item = readResource(bytes, field, kind, schema, long)
      if (item !== undefined) yield item
    } else if (expected !== field.wire && !strange.has(field.number)) {
      strange.add(field.number)
      const message = `field ${field.number} of the ${kind} is not known, or of another type than known, and ignored as Envoy does`
      yield { kind: 'finding', code: 'KM1024', severity: 'warning', message, offset: field.tag }
    }
  }
}

function readResource(bytes: Uint8Array, field: WireField, kind: ResponseKind, schema: Schema, long: number): ResponseItem | undefined {
  const held = bytes.subarray(field.begin, field.end)
  const offset = field.tag
  let url = RESOURCE_URL
  let value = held
  if (kind === 'DiscoveryResponse') {
    url = ''
    value = new Uint8Array(0)
    for (const part of scanFields(held, 0, held.length)) {
      if (part.kind === 'malformed')
        return { kind: 'finding', code: 'KM1022', severity: 'error', message: `a resource is not valid protobuf: ${part.why}`, offset }
      if (part.number === 1 && part.wire === LENGTH_DELIMITED) url = textOf(held, part)
      else if (part.number === 2 && part.wire === LENGTH_DELIMITED) value = held.subarray(part.begin, part.end)
    }
    if (!url.includes('/')) return { kind: 'finding', code: 'KM1010', severity: 'error', message: 'a resource has no type URL', offset }
  }
  const read = wireToJson(schema, url, value, 'kept', long)
  if (read.kind === 'malformed') return { kind: 'finding', code: 'KM1022', severity: 'error', message: read.message, offset }
  // delta sends names and versions of resources that did not change, too
  if (kind === 'DeltaDiscoveryResponse' && read.json.resource === undefined) return undefined
  return { kind: 'resource', json: read.json, offset }
}
