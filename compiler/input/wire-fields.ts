/**
 * The fields of one message in protobuf's binary form. In: bytes and a range; out: number, wire type and range of each field, in the order of the bytes.
 * Nothing is decoded. Invariant: never throws; ends at the first place that is no field, which is the last thing given.
 */

export const VARINT = 0
export const FIXED64 = 1
export const LENGTH_DELIMITED = 2
export const FIXED32 = 5

export interface WireField {
  readonly kind: 'field'
  readonly number: number
  readonly wire: number
  /** where the field begins */
  readonly tag: number
  /** where its value begins; for length-delimited ones behind the length */
  readonly begin: number
  readonly end: number
}

/** `end` as it is claimed, which may be beyond the range */
export interface BrokenField extends Omit<WireField, 'kind'> {
  readonly kind: 'malformed'
  readonly why: string
}

/** A varint has ten bytes at most. */
const VARINT_LIMIT = 10
/** The value of a varint of up to 2^53, and where it ends; undefined where there is none. */
export function readVarint(bytes: Uint8Array, at: number, limit: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  let factor = 1
  for (let index = 0; index < VARINT_LIMIT && at + index < limit; index++) {
    const byte = bytes[at + index] as number
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return { value, end: at + index + 1 }
    factor *= 128
  }
  return undefined
}

export function* scanFields(bytes: Uint8Array, from: number, to: number): Generator<WireField | BrokenField> {
  let at = from
  while (at < to) {
    const tag = at
    const head = readVarint(bytes, at, to)
    const broken = (why: string, end = to, number = 0, wire = 0, begin = tag): BrokenField => ({
      kind: 'malformed',
      number,
      wire,
      tag,
      begin,
      end,
      why,
    })
    if (head === undefined) return yield broken('it ends inside of a tag')
    const number = Math.floor(head.value / 8)
    const wire = head.value % 8
    if (number === 0 || head.value >= 2 ** 32) return yield broken('a tag has no valid field number')
    let begin = head.end
    let end: number
    if (wire === LENGTH_DELIMITED) {
      const length = readVarint(bytes, begin, to)
      if (length === undefined) return yield broken('it ends inside of a length', to, number, wire, to)
      begin = length.end
      end = begin + length.value
    } else if (wire === VARINT) {
      const value = readVarint(bytes, begin, to)
      if (value === undefined) return yield broken('it ends inside of a number, or the number is too long', to, number, wire, begin)
      end = value.end
    } else if (wire === FIXED64) end = begin + 8
    else if (wire === FIXED32) end = begin + 4
    else return yield broken(`a field has the wire type ${wire}, which proto3 does not use`, to, number, wire, begin)
    if (end > to) return yield broken(`field ${number} claims ${end - begin} bytes, and ${to - begin} are left`, end, number, wire, begin)
    yield { kind: 'field', number, wire, tag, begin, end }
    at = end
  }
}
