/**
 * Layouts of structs that TypeScript and C share, and their fields in bytes. In: names, types and words of fields. Out: offsets and sizes as C has them; values read and written.
 * Invariant: nothing is padded silently; all integers are little-endian.
 */

export type FieldType = 'u8' | 'u16' | 'u32' | 'u64'

export interface Field {
  readonly name: string
  readonly type: FieldType
  readonly count: number
  readonly offset: number
  readonly doc: string
}

export interface Layout {
  /** C name, without `struct`. */
  readonly name: string
  readonly doc: string
  readonly size: number
  readonly fields: Readonly<Record<string, Field>>
}

const WIDTH: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 }

type FieldSpec = readonly [type: FieldType | `${FieldType}[${number}]`, doc: string]

/** Lays fields out in order; throws (our own bug) where C would insert padding. */
export function layout(name: string, doc: string, spec: Readonly<Record<string, FieldSpec>>): Layout {
  const fields: Record<string, Field> = {}
  let offset = 0
  let align = 1
  for (const [field, [text, fieldDoc]] of Object.entries(spec)) {
    const [, type, count] = /^(u8|u16|u32|u64)(?:\[(\d+)\])?$/.exec(text) as unknown as [string, FieldType, string?]
    const width = WIDTH[type]
    if (offset % width !== 0) throw new Error(`${name}.${field} at ${offset} needs padding`)
    align = Math.max(align, width)
    fields[field] = { name: field, type, count: count === undefined ? 1 : Number(count), offset, doc: fieldDoc }
    offset += width * (count === undefined ? 1 : Number(count))
  }
  if (offset % align !== 0) throw new Error(`${name} of ${offset} bytes needs tail padding`)
  return { name, doc, size: offset, fields }
}

/** Writes a scalar field, or element `index` of an array field, at byte `base` of `view`. */
export function put(view: DataView, base: number, field: Field, value: number | bigint, index = 0): void {
  const at = base + field.offset + index * WIDTH[field.type]
  switch (field.type) {
    case 'u8':
      view.setUint8(at, Number(value))
      return
    case 'u16':
      view.setUint16(at, Number(value), true)
      return
    case 'u32':
      view.setUint32(at, Number(value), true)
      return
    case 'u64':
      // most are small, and a BigInt is an object
      if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER && Number.isInteger(value)) {
        view.setUint32(at, value >>> 0, true)
        view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
      } else view.setBigUint64(at, BigInt(value), true)
      return
  }
}

/** Reads a field of up to 32 bits. */
export function get(view: DataView, base: number, field: Field, index = 0): number {
  const at = base + field.offset + index * WIDTH[field.type]
  switch (field.type) {
    case 'u8':
      return view.getUint8(at)
    case 'u16':
      return view.getUint16(at, true)
    case 'u32':
      return view.getUint32(at, true)
    case 'u64':
      return Number(view.getBigUint64(at, true))
  }
}

/** Reads a 64-bit field exactly. */
export function get64(view: DataView, base: number, field: Field, index = 0): bigint {
  return view.getBigUint64(base + field.offset + index * 8, true)
}
