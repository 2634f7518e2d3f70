/**
 * Bytes of one file to text. In: bytes of which nothing is known; out: UTF-8 text, or what the bytes are instead.
 * Invariant: everything that is no text is named (gzip, tar, protobuf, UTF-16, ...), so that the user knows what was given.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import type { Code } from '../diag/codes.ts'

export interface Source {
  /** file name as given, `-` for standard input */
  readonly name: string
  readonly bytes: Uint8Array
}

export interface Unreadable {
  readonly code: Code
  readonly message: string
  /** of the byte that shows it */
  readonly offset: number
}

export const TEXT_LIMIT = 500 * 1000 * 1000

/** A bootstrap or a single resource in binary does not say what it is; only the Anys of a response do. */
const BINARY = 'the file is binary; of binary protobuf only DiscoveryResponse and DeltaDiscoveryResponse say what they hold'

const MAGIC: readonly (readonly [readonly number[], string])[] = [
  [[0x1f, 0x8b], 'gzip'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz'],
  [[0x42, 0x5a, 0x68], 'bzip2'],
  [[0x50, 0x4b, 0x03, 0x04], 'a zip archive'],
  [[0x7f, 0x45, 0x4c, 0x46], 'an ELF object'],
  [[0x89, 0x50, 0x4e, 0x47], 'a PNG image'],
]

/** @param size bytes of a file that is over the limit */
export function tooLong(size: number): { readonly message: string } {
  return { message: `the file has ${Math.ceil(size / 1e6)} MB, more than ${TEXT_LIMIT / 1e6}` }
}

export function toText(bytes: Uint8Array): string | Unreadable {
  if (bytes.length > TEXT_LIMIT) {
    return { code: 'KM1007', ...tooLong(bytes.length), offset: 0 }
  }
  const magic = MAGIC.find(([start]) => start.every((byte, at) => bytes[at] === byte))
  if (magic) return { code: 'KM1006', message: `the file is ${magic[1]}, not JSON or YAML`, offset: 0 }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { code: 'KM1005', message: 'the file is UTF-16, not UTF-8', offset: 0 }
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.length > 262 && buffer.toString('latin1', 257, 262) === 'ustar')
    return { code: 'KM1006', message: 'the file is a tar archive, not JSON or YAML', offset: 0 }
  const zero = buffer.subarray(0, 4096).indexOf(0)
  if (zero >= 0) return { code: 'KM1006', message: BINARY, offset: zero }
  if (isAscii(buffer)) return looksBinary(buffer) ?? buffer.toString('latin1')
  if (!isUtf8(buffer))
    return looksBinary(buffer) ?? { code: 'KM1005', message: 'the file has bytes that are not UTF-8', offset: invalidUtf8(buffer) }
  const text = buffer.toString('utf8')
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

/** Binary protobuf has control characters early on; text has none but white space. */
function looksBinary(buffer: Buffer): Unreadable | undefined {
  const end = Math.min(buffer.length, 512)
  for (let at = 0; at < end; at++) {
    const byte = buffer[at] as number
    const odd = byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d
    if (odd && at < 16 && buffer[0] !== 0x7b && buffer[0] !== 0x5b) {
      return { code: 'KM1006', message: BINARY, offset: at }
    }
  }
  return undefined
}

/** Offset of the first byte that is not UTF-8, by halving. */
function invalidUtf8(buffer: Buffer): number {
  let good = 0
  let bad = buffer.length
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (isUtf8(buffer.subarray(0, wholeTo(buffer, middle)))) good = middle
    else bad = middle
  }
  return good
}

/** the last start of a character at or before `end` */
function wholeTo(buffer: Buffer, end: number): number {
  let at = end
  while (at > 0 && end - at < 4 && ((buffer[at] ?? 0) & 0xc0) === 0x80) at--
  return at
}
