/**
 * Headers as HTTP/1 carries them. In: names and values in Unicode. Out: one character a byte; on the wire also without spaces around values. Of a response these
 * stay until the connection manager has written its own into it.
 */
import { bytesOf } from '../match/byte-text.ts'
import { type HeaderPair, trim } from './request.ts'

export function asBytes(pairs: readonly HeaderPair[]): readonly HeaderPair[] {
  return pairs.some(([name, value]) => BEYOND_ASCII.test(value) || BEYOND_ASCII.test(name))
    ? pairs.map(([name, value]) => [bytesOf(name), bytesOf(value)])
    : pairs
}

/** `pairs`: one character a byte */
export function asSent(pairs: readonly HeaderPair[]): readonly HeaderPair[] {
  return pairs.some(([, value]) => PADDED.test(value)) ? pairs.map(([name, value]) => [name, trim(value)]) : pairs
}

const BEYOND_ASCII = /[\u0080-\uffff]/
const PADDED = /^[ \t]|[ \t]$/
