/**
 * A strict reader of tar archives. In: the whole archive. Out: its regular files by name, as views into the archive, in order.
 *
 * Invariant: every byte of an accepted archive is accounted for: header fields by the header's checksum, contents by their length (the caller
 * checks their digest), padding and everything behind the end must be zero. Accepted are regular files and directories with plain relative
 * names, in the ustar form or GNU's (what our own writer, GNU tar and skopeo write); extended headers only where they say nothing about
 * name, type or size. Errors: KM9002, KM9003, KM9004.
 */
import { ArtifactFault, quoted } from './fault.ts'

const BLOCK = 512
const END_BLOCKS = 2
const CHECKSUM_AT = 148
const CHECKSUM_END = 156
/** ends in NUL, space (POSIX) or in space, NUL (tar-stream); nothing else covers these bytes, so nothing else is taken */
const CHECKSUM = /^([0-7]{6})(?:\0 | \0)$/
/** Extended header keys that change how a file is stored elsewhere, not what it is. */
const HARMLESS_KEYS = new Set(['mtime', 'atime', 'ctime', 'uid', 'gid', 'uname', 'gname', 'comment'])

export function readTar(archive: Uint8Array, what: string): ReadonlyMap<string, Uint8Array> {
  if (archive.length < BLOCK) throw new ArtifactFault('KM9002', `${what} is not a tar archive: it has ${archive.length} bytes`)
  const files = new Map<string, Uint8Array>()
  const names = new Set<string>()
  let at = 0
  for (;;) {
    if (at + BLOCK > archive.length) throw new ArtifactFault('KM9003', `${what} ends after ${archive.length} bytes without an end mark`)
    const header = archive.subarray(at, at + BLOCK)
    if (isZero(header)) break
    checkHeader(header, at, what)
    const name = readName(header)
    const size = readOctal(header, 124, 136, what)
    const end = at + BLOCK + size
    const next = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK
    if (next > archive.length) throw new ArtifactFault('KM9003', `${what} ends inside ${quoted(name)}`)
    if (!isZero(archive.subarray(end, next))) throw new ArtifactFault('KM9003', `${what} has bytes behind the end of ${quoted(name)}`)
    const content = archive.subarray(at + BLOCK, end)
    const type = String.fromCharCode(header[156] as number)
    if (type === 'x' || type === 'g') checkExtended(content, what)
    else {
      const path = checkName(type === '5' ? name.replace(/\/$/, '') : name, what)
      if (names.has(path)) throw new ArtifactFault('KM9004', `${what} holds ${quoted(path)} twice`)
      names.add(path)
      if (type === '0' || type === '\0') files.set(path, content)
      else if (type !== '5' || size !== 0) throw new ArtifactFault('KM9004', `${what} holds ${quoted(path)}, which is no ordinary file`)
    }
    at = next
  }
  checkEnd(archive, at, what)
  return files
}

function checkHeader(header: Uint8Array, at: number, what: string): void {
  const magic = text(header, 257, 263)
  if (magic !== 'ustar' && magic !== 'ustar ') {
    throw new ArtifactFault(
      at === 0 ? 'KM9002' : 'KM9003',
      at === 0 ? `${what} is not a tar archive` : `${what} has no tar header at byte ${at}`,
    )
  }
  let sum = 0
  for (let index = 0; index < BLOCK; index++) sum += index >= CHECKSUM_AT && index < CHECKSUM_END ? 0x20 : (header[index] as number)
  const [, digits] = CHECKSUM.exec(Buffer.from(header.subarray(CHECKSUM_AT, CHECKSUM_END)).toString('latin1')) ?? []
  if (digits === undefined || sum !== Number.parseInt(digits, 8))
    throw new ArtifactFault('KM9003', `${what} has a damaged header at byte ${at}`)
}

/** The name, with ustar's prefix field; GNU's form keeps other things there. */
function readName(header: Uint8Array): string {
  const prefix = text(header, 257, 263) === 'ustar' ? text(header, 345, 500) : ''
  const name = text(header, 0, 100)
  return prefix === '' ? name : `${prefix}/${name}`
}

function checkName(name: string, what: string): string {
  const parts = name.split('/')
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && /^[\x21-\x7e]+$/.test(part) && !part.includes('\\'))
  if (!plain) throw new ArtifactFault('KM9004', `${what} holds an entry named ${quoted(name)}`)
  return name
}

/** Records are "LENGTH KEY=VALUE\n", LENGTH counting all of it in decimal. */
function checkExtended(content: Uint8Array, what: string): void {
  let rest = Buffer.from(content).toString('latin1')
  while (rest !== '') {
    const [, digits, key] = /^(\d{1,9}) ([^=\n]+)=/.exec(rest) ?? []
    if (digits === undefined || key === undefined || Number(digits) > rest.length || rest[Number(digits) - 1] !== '\n') {
      throw new ArtifactFault('KM9003', `${what} has a damaged extended header`)
    }
    if (!HARMLESS_KEYS.has(key)) throw new ArtifactFault('KM9004', `${what} has an extended header for ${quoted(key)}`)
    rest = rest.slice(Number(digits))
  }
}

function checkEnd(archive: Uint8Array, at: number, what: string): void {
  if (archive.length < at + END_BLOCKS * BLOCK) throw new ArtifactFault('KM9003', `${what} ends inside its end mark`)
  if (archive.length % BLOCK !== 0 || !isZero(archive.subarray(at))) throw new ArtifactFault('KM9003', `${what} has bytes behind its end`)
}

/** Octal digits, ended by NUL or space. Our limits are far below what the octal form holds, so GNU's binary form is refused. */
function readOctal(header: Uint8Array, from: number, to: number, what: string): number {
  const digits = Buffer.from(header.subarray(from, to)).toString('latin1')
  const [whole] = /^[0-7]+(?=[ \0]*$)/.exec(digits) ?? []
  if (whole === undefined) throw new ArtifactFault('KM9003', `${what} has a header with a damaged number`)
  return Number.parseInt(whole, 8)
}

function text(header: Uint8Array, from: number, to: number): string {
  const field = header.subarray(from, to)
  const end = field.indexOf(0)
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('latin1')
}

function isZero(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) if (bytes[index] !== 0) return false
  return true
}
