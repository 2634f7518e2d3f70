/**
 * Headers as HTTP/1 carries them. In: names and values in Unicode. Out: values without spaces around them, one character a byte.
 */
import { bytesOf } from '../match/byte-text.ts'
import { type HeaderPair, trim } from './request.ts'

export function asBytes(pairs: readonly HeaderPair[]): readonly HeaderPair[] {
  return pairs.some(([name, value]) => CHANGED.test(value) || CHANGED.test(name))
    ? pairs.map(([name, value]) => [bytesOf(name), trim(bytesOf(value))])
    : pairs
}

const CHANGED = /[\u0080-\uffff]|^[ \t]|[ \t]$/
