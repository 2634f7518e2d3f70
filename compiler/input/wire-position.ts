/**
 * Positions in binary responses. In: the bytes, the schema, and the offset of a resource; out: the offset of the field that a pointer leads to, or of the
 * deepest part of it that is there. The bytes are scanned along the pointer when somebody asks; nothing is kept.
 */
import type { Pointer } from './found.ts'
import type { Positions } from './position.ts'
import { type Field, type MessageType, type Schema, typeName } from './schema.ts'
import { LENGTH_DELIMITED, scanFields, type WireField } from './wire-fields.ts'

const RESOURCE = 'envoy.service.discovery.v3.Resource'

interface Span {
  readonly begin: number
  readonly end: number
}

export function createWirePositions(bytes: Uint8Array, schema: Schema): Positions {
  const fields = function* ({ begin, end }: Span): Generator<WireField> {
    for (const field of scanFields(bytes, begin, end)) if (field.kind === 'field') yield field
  }
  const textOf = ({ begin, end }: Span): string => Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin).toString('utf8')

  /** type and content of an Any */
  const payload = (any: Span): { readonly type: MessageType | undefined; readonly span: Span } => {
    let url = ''
    let span: Span = { begin: any.end, end: any.end }
    for (const field of fields(any)) {
      if (field.number === 1 && field.wire === LENGTH_DELIMITED) url = textOf(field)
      else if (field.number === 2) span = field
    }
    return { type: schema.message(typeName(url)), span }
  }

  const entryKey = (field: Field, entry: Span): string => {
    for (const part of fields(entry))
      if (part.number === 1) return part.wire === LENGTH_DELIMITED ? textOf(part) : String(bytes[part.begin])
    return field.map === 'string' ? '' : '0'
  }

  /** the field for this step of the pointer, and for a list or map also of the next step */
  const find = (field: Field, span: Span, next: string | number | undefined): WireField | undefined => {
    let count = 0
    let first: WireField | undefined
    for (const one of fields(span)) {
      if (one.number !== field.number) continue
      first ??= one
      if (
        field.map !== undefined ? next === undefined || entryKey(field, one) === String(next) : !field.repeated || count++ === (next ?? 0)
      )
        return one
    }
    return first
  }

  return {
    offset(start, pointer: Pointer) {
      const [resource] = scanFields(bytes, start, bytes.length)
      if (resource === undefined || resource.kind === 'malformed') return start
      let { type, span } = payload(resource)
      if (pointer[0] === 'resource' && type === undefined) {
        type = schema.message(RESOURCE)
        span = resource
      }
      let shown = start
      for (let at = 0; at < pointer.length && type !== undefined; at++) {
        const field: Field | undefined = type.lookup.get(String(pointer[at]))
        if (field === undefined) break
        const listed = field.repeated || field.map !== undefined
        const found = find(field, span, listed ? pointer[at + 1] : undefined)
        if (found === undefined) break
        shown = found.tag
        if (listed) at++
        const held: Span = field.map === undefined ? found : ([...fields(found)].find(({ number }) => number === 2) ?? found)
        if (field.kind === 'any') ({ type, span } = payload(held))
        else {
          type = field.kind === 'message' ? field.message : undefined
          span = held
        }
      }
      return shown
    },
  }
}
