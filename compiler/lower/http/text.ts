/** Texts as bytes. In: one character a byte (compiler/match/byte-text.ts makes it of Unicode). Out: the bytes; whether they are ASCII. */

export function bytesOfText(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

/** A to Z in lower case, nothing else changed. */
export function lowerText(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

export function isAscii(text: string): boolean {
  return !BEYOND_ASCII.test(text)
}

const BEYOND_ASCII = /[\u0080-\uffff]/
