/**
 * What a plain scalar of YAML means to Envoy (source/common/protobuf/yaml_utility.cc): null, booleans (also yes, no, on, off), whole numbers of 32 bits, else a text,
 * which then fits floats and 64-bit integers too. In: the text of the scalar; out: the value.
 */

export const NULL = /^(?:~|[Nn]ull|NULL)?$/
export const BOOLEAN = /^(?:[Yy]|[Nn]|[Yy]es|YES|[Nn]o|NO|[Tt]rue|TRUE|[Ff]alse|FALSE|[Oo]n|ON|[Oo]ff|OFF)$/
export const INTEGER = /^[-+]?(?:0x[0-9a-fA-F]{1,8}|0[0-7]{0,11}|[1-9][0-9]{0,9})$/

export function isTrue(text: string): boolean {
  return /^(?:[Yy]|[Tt]|[Oo][Nn])/.test(text)
}

/** Beyond 32 bits Envoy keeps the text, which JSON's int64 is too. */
export function integerOf(text: string): number | string {
  const sign = text.startsWith('-') ? -1 : 1
  const digits = text.replace(/^[-+]/, '')
  const number = sign * (/^0[0-7]/.test(digits) ? Number.parseInt(digits, 8) : Number(digits))
  return Math.abs(number) < 2 ** 31 ? number : String(number)
}

const LONGEST = 13

export function plainValue(text: string): unknown {
  if (text.length > LONGEST) return text
  if (NULL.test(text)) return null
  if (BOOLEAN.test(text)) return isTrue(text)
  return INTEGER.test(text) ? integerOf(text) : text
}
