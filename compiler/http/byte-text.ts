/**
 * Texts as HTTP/1 carries them. In: Unicode, which is what everything inside works on. Out: UTF-8 with one character a byte (ISO 8859-1), which is what a client or
 * an upstream reads.
 */
import type { HeaderPair } from './request.ts'

export function asBytes(pairs: readonly HeaderPair[]): readonly HeaderPair[] {
  return pairs.some(([, value]) => BEYOND_ASCII.test(value)) ? pairs.map(([name, value]) => [name, bytesOf(value)]) : pairs
}

/** UTF-8, one character a byte */
export function bytesOf(text: string): string {
  return BEYOND_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}

const BEYOND_ASCII = /[\u0080-\uffff]/
