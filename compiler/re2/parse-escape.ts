/** Escapes for one character: \n, \x41, \x{41}, \101, \. and the like. In: the text at a backslash. Out: the character; the position is behind it. */
import { LAST } from './char-class.ts'
import { SyntaxProblem, type Text } from './parse-text.ts'

const SINGLE: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, a: 7, f: 12, v: 11 }

export function readEscape(text: Text): number {
  const { whole } = text
  const begin = text.at
  if (begin + 1 >= whole.length) throw new SyntaxProblem('trailing \\', '')
  const char = whole[begin + 1] as string
  text.at = begin + 2
  const bad = (): never => {
    throw new SyntaxProblem('invalid escape sequence', whole.slice(begin, text.at))
  }
  if (/[0-7]/.test(char)) {
    // one digit that is not 0 is a reference to a group, which RE2 does not have
    if (char !== '0' && !/[0-7]/.test(whole[text.at] ?? '')) bad()
    const digits = /^[0-7]{1,3}/.exec(whole.slice(begin + 1, begin + 4))?.[0] ?? ''
    text.at = begin + 1 + digits.length
    const code = Number.parseInt(digits, 8)
    return code > LAST ? bad() : code
  }
  if (char === 'x') return readHex(text, bad)
  const single = Object.hasOwn(SINGLE, char) ? SINGLE[char] : undefined
  if (single !== undefined) return single
  return char.charCodeAt(0) < 0x80 && !/[0-9A-Za-z]/.test(char) ? char.charCodeAt(0) : bad()
}

function readHex(text: Text, bad: () => never): number {
  const { whole } = text
  const next = (): string => whole[text.at++] ?? bad()
  const first = next()
  if (first !== '{') {
    const second = next()
    return /^[0-9A-Fa-f]{2}$/.test(first + second) ? Number.parseInt(first + second, 16) : bad()
  }
  let code = 0
  let digits = 0
  let char = next()
  for (; /[0-9A-Fa-f]/.test(char); char = next()) {
    code = code * 16 + Number.parseInt(char, 16)
    digits++
    if (code > LAST) bad()
  }
  return char === '}' && digits > 0 ? code : bad()
}
