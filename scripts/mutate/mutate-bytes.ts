/**
 * Bytes made slightly wrong, whatever they mean. In: bytes, a source of random numbers, bytes to take parts of. Out: changed bytes: cut off, flipped, repeated, moved,
 * with numbers, brackets and line ends that were not there.
 */
import type { Random } from '../probes/random.ts'

const PIECES: readonly Buffer[] = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\\u0000',
    '\\ud800',
    'null',
    '1e999',
    '-',
    '\n',
    '\t',
    '  ',
    '\r\n',
    '---\n',
    '...\n',
    '# ',
    '*a',
    '&a ',
    '!ignore ',
    '!!str ',
  ].map((text) => Buffer.from(text)),
  ...['? ', '- ', '| ', '>-\n', '<<: ', "'", '%YAML 1.1\n', '@', '`', '\ufeff', '\u2028', '0x', '~', 'yes', '"@type":'].map((text) =>
    Buffer.from(text),
  ),
  ...[
    [0],
    [0xff],
    [0xc3, 0x28],
    [0x80],
    [0x0a],
    [0x12],
    [0x7f],
    [0xff, 0xff, 0xff, 0xff, 0x0f],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  ].map((bytes) => Buffer.from(bytes)),
]

export function mutateBytes(given: Uint8Array, random: Random, donors: readonly Uint8Array[]): Buffer {
  let bytes = Buffer.from(given)
  for (let count = random.whole(1, 4); count > 0; count--) {
    const at = random.whole(0, bytes.length)
    const to = Math.min(bytes.length, at + random.whole(0, random.one([1, 4, 40, 400])))
    const part = bytes.subarray(at, to)
    const kind = random.whole(0, 8)
    if (kind <= 1 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (kind === 0 ? 1 << random.whole(0, 7) : random.whole(1, 255))
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), part, part, bytes.subarray(to)])
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), random.one(PIECES), bytes.subarray(at)])
    else if (kind === 5) bytes = Buffer.concat([bytes.subarray(0, at), random.one(PIECES), bytes.subarray(to)])
    else if (kind === 6 && random.chance(0.3)) bytes = bytes.subarray(0, at)
    else if (kind === 7) {
      const there = random.whole(0, bytes.length)
      bytes = Buffer.concat([bytes.subarray(0, there), part, bytes.subarray(there)])
    } else if (kind === 8) {
      const donor = random.one(donors)
      const from = random.whole(0, donor.length)
      bytes = Buffer.concat([bytes.subarray(0, at), donor.subarray(from, from + random.whole(0, 200)), bytes.subarray(to)])
    }
  }
  return bytes
}
