/**
 * Texts as HTTP/1 carries them. In: Unicode, which is what everything inside works on. Out: UTF-8 with one character a byte (ISO 8859-1), which is what a client or
 * an upstream reads, and back. Invariant: nothing is lost: a byte that is no UTF-8, as a cut through a character leaves it, is a lone surrogate U+DC80 to
 * U+DCFF in between.
 */
/** UTF-8, one character a byte */
export function bytesOf(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text
  if (!LONE.test(text)) return Buffer.from(text, 'utf8').toString('latin1')
  return text
    .replace(NOT_LONE, (part) => Buffer.from(part, 'utf8').toString('latin1'))
    .replace(LONES, (part) => String.fromCharCode(part.charCodeAt(0) & 0xff))
}

/** what `bytesOf` gave, or a part of it */
export function textOf(bytes: string): string {
  if (!BEYOND_ASCII.test(bytes)) return bytes
  const buffer = Buffer.from(bytes, 'latin1')
  const text = buffer.toString('utf8')
  if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(buffer)) return text
  return bytes.replace(UTF8_OR_BYTE, (part) =>
    part.length === 1 ? String.fromCharCode(0xdc00 | part.charCodeAt(0)) : Buffer.from(part, 'latin1').toString('utf8'),
  )
}

const BEYOND_ASCII = /[\u0080-\uffff]/
const LONE = /[\udc80-\udcff]/u
const LONES = /[\udc80-\udcff]/g
const NOT_LONE = /[^\udc80-\udcff]+/gu
/** one character of UTF-8 beyond ASCII, or a byte that is none */
const UTF8_OR_BYTE =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g
