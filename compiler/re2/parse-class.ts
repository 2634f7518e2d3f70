/** Character classes: [a-z], [^[:digit:]\w], and the groups \d and \p{L} that stand alone too. In: the text at the class. Out: a CharClass. */
import { CharClass, LAST, type Range } from './char-class.ts'
import { type Group, perlGroup, posixGroup, unicodeRanges } from './groups.ts'
import { FOLD_CASE } from './node.ts'
import { readEscape } from './parse-escape.ts'
import { SyntaxProblem, type Text } from './parse-text.ts'

export function readClass(text: Text, flags: number): CharClass {
  const { whole } = text
  const begin = text.at
  const found = new CharClass()
  const fold = (flags & FOLD_CASE) !== 0 ? 'fold' : 'exact'
  text.at++
  const negated = whole[text.at] === '^'
  if (negated) text.at++
  for (let first = true; text.at < whole.length && (whole[text.at] !== ']' || first); first = false) {
    if (readNamed(text, found, flags) || readGroup(text, flags, found)) continue
    const start = text.at
    const low = readOne(text, begin)
    let high = low
    if (whole[text.at] === '-' && text.at + 1 < whole.length && whole[text.at + 1] !== ']') {
      text.at++
      high = readOne(text, begin)
      if (high < low) throw new SyntaxProblem('invalid character class range', whole.slice(start, text.at))
    }
    found.add(low, high, fold)
  }
  if (text.at >= whole.length) throw new SyntaxProblem('missing ]', whole.slice(begin))
  text.at++
  if (negated) found.negate()
  return found
}

function readOne(text: Text, begin: number): number {
  if (text.at >= text.whole.length) throw new SyntaxProblem('missing ]', text.whole.slice(begin))
  return text.whole[text.at] === '\\' ? readEscape(text) : text.whole.charCodeAt(text.at++)
}

/** [:alpha:]; without its end it is nothing special */
function readNamed(text: Text, into: CharClass, flags: number): boolean {
  if (!text.whole.startsWith('[:', text.at) || text.at + 2 >= text.whole.length) return false
  const end = text.whole.indexOf(':]', text.at + 2)
  if (end < 0) return false
  const name = text.whole.slice(text.at, end + 2)
  const group = posixGroup(name)
  if (group === undefined) throw new SyntaxProblem('invalid character class range', name)
  addGroup(group, into, flags)
  text.at = end + 2
  return true
}

/** \d, \W, \pL, \P{Greek}, \p{^L}: -> whether there was one */
export function readGroup(text: Text, flags: number, into: CharClass): boolean {
  const letter = text.whole[text.at + 1]
  if (text.whole[text.at] !== '\\' || letter === undefined) return false
  const perl = perlGroup(letter)
  if (perl !== undefined) {
    addGroup(perl, into, flags)
    text.at += 2
    return true
  }
  if (letter !== 'p' && letter !== 'P') return false
  addGroup(readUnicode(text, letter === 'P'), into, flags)
  return true
}

function readUnicode(text: Text, upper: boolean): Group {
  const { whole } = text
  const begin = text.at
  let name = whole[begin + 2] ?? ''
  text.at = Math.min(whole.length, begin + 3)
  if (name === '{') {
    const end = whole.indexOf('}', text.at)
    if (end < 0) throw new SyntaxProblem('invalid character class range', whole.slice(begin))
    name = whole.slice(text.at, end)
    text.at = end + 1
  }
  const caret = name.startsWith('^')
  const ranges = unicodeRanges(caret ? name.slice(1) : name)
  if (ranges === undefined) throw new SyntaxProblem('invalid character class range', whole.slice(begin, text.at))
  return { negated: upper !== caret, ranges }
}

function addGroup({ negated, ranges }: Group, into: CharClass, flags: number): void {
  const fold = (flags & FOLD_CASE) !== 0 ? 'fold' : 'exact'
  const all = (list: readonly Range[]): CharClass => {
    const found = new CharClass()
    for (const [low, high] of list) found.add(low, Math.min(high, LAST), fold)
    return found
  }
  const found = all(ranges)
  if (negated) found.negate()
  into.addClass(found)
}
