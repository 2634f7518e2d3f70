/**
 * RE2's parser, for patterns as Envoy compiles them: Latin-1, Perl syntax. In: a pattern. Out: its tree; a pattern that RE2 refuses throws a SyntaxProblem
 * with RE2's own words. Source: RE2's parse.cc.
 */
import { CharClass } from './char-class.ts'
import { readClass, readGroup } from './parse-class.ts'
import { readEscape } from './parse-escape.ts'
import { perlGroup } from './groups.ts'
import { createNode, DOT_NL, FOLD_CASE, NON_GREEDY, ONE_LINE, type Node } from './node.ts'
import { SyntaxProblem, type Text } from './parse-text.ts'
import { Stack } from './stack.ts'

export function parseRegex(pattern: string): Node {
  const text: Text = { whole: Buffer.from(pattern, 'utf8').toString('latin1'), at: 0 }
  const stack = new Stack(text.whole)
  /** where the repetition operator before began, if that was one */
  let unary: number | undefined
  while (text.at < text.whole.length) {
    const begin = text.at
    const repeats = step(text, stack, unary)
    unary = repeats ? begin : undefined
  }
  return stack.finish()
}

/** -> whether a repetition operator was read */
function step(text: Text, stack: Stack, unary: number | undefined): boolean {
  const char = text.whole[text.at] as string
  const next = text.whole[text.at + 1]
  switch (char) {
    case '(':
      if (next === '?') readPerlGroup(text, stack)
      else {
        stack.openGroup('capture')
        text.at++
      }
      return false
    case '|':
      stack.bar()
      text.at++
      return false
    case ')':
      stack.closeGroup()
      text.at++
      return false
    case '^':
      stack.push(createNode((stack.flags & ONE_LINE) !== 0 ? 'begin-text' : 'begin-line', stack.flags))
      text.at++
      return false
    case '$':
      stack.pushDollar()
      text.at++
      return false
    case '.':
      stack.push(dot(stack.flags))
      text.at++
      return false
    case '[':
      stack.push(createNode('class', stack.flags & ~FOLD_CASE, { class: readClass(text, stack.flags) }))
      return false
    case '*':
    case '+':
    case '?': {
      const begin = text.at++
      const lazy = readLazy(text)
      refuseStacked(text, unary)
      stack.pushRepeat(char === '*' ? 'star' : char === '+' ? 'plus' : 'quest', lazy, text.whole.slice(begin, text.at))
      return true
    }
    case '{':
      return readCount(text, stack, unary)
    case '\\':
      readBackslash(text, stack)
      return false
    default:
      stack.pushLiteral(char.charCodeAt(0))
      text.at++
      return false
  }
}

function dot(flags: number): Node {
  if ((flags & DOT_NL) !== 0) return createNode('any-char', flags)
  const all = new CharClass()
  all.add(10, 10, 'exact')
  all.negate()
  return createNode('class', flags & ~FOLD_CASE, { class: all })
}

function readLazy(text: Text): number {
  if (text.whole[text.at] !== '?') return 0
  text.at++
  return NON_GREEDY
}

function refuseStacked(text: Text, unary: number | undefined): void {
  if (unary !== undefined) throw new SyntaxProblem('bad repetition operator', text.whole.slice(unary, text.at))
}

/** {2}, {2,} or {2,3}; anything else is a literal */
function readCount(text: Text, stack: Stack, unary: number | undefined): boolean {
  const pattern = /\{(0|[1-9]\d{0,8})(,(0|[1-9]\d{0,8})?)?\}/y
  pattern.lastIndex = text.at
  const found = pattern.exec(text.whole)
  const tooLong = found === null || [found[1], found[3]].some((digits) => digits !== undefined && Number(digits) >= 1_000_000_000)
  if (tooLong) {
    stack.pushLiteral(0x7b)
    text.at++
    return false
  }
  const begin = text.at
  text.at += found[0].length
  const lazy = readLazy(text)
  refuseStacked(text, unary)
  const min = Number(found[1])
  const max = found[2] === undefined ? min : found[3] === undefined ? -1 : Number(found[3])
  stack.pushCount(min, max, lazy, text.whole.slice(begin, text.at))
  return true
}

function readBackslash(text: Text, stack: Stack): void {
  const letter = text.whole[text.at + 1] ?? ''
  const simple = ({ b: 'word-boundary', B: 'no-word-boundary', A: 'begin-text', z: 'end-text', C: 'any-byte' } as const)[letter]
  if (simple !== undefined) {
    stack.push(createNode(simple, stack.flags))
    text.at += 2
  } else if (letter === 'Q') {
    text.at += 2
    while (text.at < text.whole.length) {
      if (text.whole.startsWith('\\E', text.at)) {
        text.at += 2
        break
      }
      stack.pushLiteral(text.whole.charCodeAt(text.at++))
    }
  } else if (letter === 'p' || letter === 'P' || perlGroup(letter) !== undefined) {
    const group = new CharClass()
    readGroup(text, stack.flags, group)
    stack.push(createNode('class', stack.flags & ~FOLD_CASE, { class: group }))
  } else stack.pushLiteral(readEscape(text))
}

/** letters of every script and digits, and what joins them */
const CAPTURE_NAME = /^[\p{Lu}\p{Ll}\p{Lt}\p{Lm}\p{Lo}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]+$/u

/** "(?": a named group, flags, or a group that does not capture */
function readPerlGroup(text: Text, stack: Stack): void {
  const rest = text.whole.slice(text.at, text.at + 5)
  if (/^\(\?[=!]./s.test(rest)) throw new SyntaxProblem('invalid perl operator', rest.slice(0, 3))
  if (/^\(\?<[=!]./s.test(rest)) throw new SyntaxProblem('invalid perl operator', rest.slice(0, 4))
  if (/^\(\?P<./s.test(rest) || /^\(\?<./s.test(rest)) {
    const begin = text.at + (rest[2] === 'P' ? 4 : 3)
    const end = text.whole.indexOf('>', begin)
    if (end < 0) throw new SyntaxProblem('invalid named capture group', text.whole.slice(text.at))
    if (!CAPTURE_NAME.test(text.whole.slice(begin, end)))
      throw new SyntaxProblem('invalid named capture group', text.whole.slice(text.at, end + 1))
    stack.openGroup('capture')
    text.at = end + 1
    return
  }
  readFlags(text, stack)
}

const FLAGS: Readonly<Record<string, number>> = { i: FOLD_CASE, m: ONE_LINE, s: DOT_NL, U: NON_GREEDY }

function readFlags(text: Text, stack: Stack): void {
  let at = text.at + 2
  let flags = stack.flags
  let negated = false
  let seen = false
  const bad = (): never => {
    throw new SyntaxProblem('invalid perl operator', text.whole.slice(text.at, at))
  }
  for (;;) {
    const char = text.whole[at++] ?? bad()
    const flag = Object.hasOwn(FLAGS, char) ? FLAGS[char] : undefined
    if (flag !== undefined) {
      seen = true
      // m is the opposite of the flag that RE2 keeps
      if (negated === (char === 'm')) flags |= flag
      else flags &= ~flag
    } else if (char === '-') {
      if (negated) bad()
      negated = true
      seen = false
    } else if (char === ':' || char === ')') {
      if (negated && !seen) bad()
      if (char === ':') stack.openGroup('plain')
      break
    } else bad()
  }
  stack.flags = flags
  text.at = at
}
