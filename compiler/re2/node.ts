/**
 * The syntax tree of a regex as RE2 builds it. Nodes are edited in place while the tree is built, and shared after that. Runes are bytes: Envoy compiles
 * its patterns as Latin-1 (tried: \x{110} is refused, and \p{L} has nine ranges).
 */
import type { CharClass } from './char-class.ts'

export type Op =
  | 'no-match'
  | 'empty'
  | 'literal'
  | 'string'
  | 'class'
  | 'any-char'
  | 'any-byte'
  | 'begin-line'
  | 'end-line'
  | 'begin-text'
  | 'end-text'
  | 'word-boundary'
  | 'no-word-boundary'
  | 'concat'
  | 'alternate'
  | 'star'
  | 'plus'
  | 'quest'
  | 'repeat'
  | 'capture'
  // on the parser's stack only
  | 'left-paren'
  | 'vertical-bar'

/** Bits of `flags`. */
export const FOLD_CASE = 1
export const NON_GREEDY = 2
/** ^ and $ are the ends of the text */
export const ONE_LINE = 4
export const DOT_NL = 8
/** end-text was written as $ */
export const WAS_DOLLAR = 16

export interface Node {
  op: Op
  flags: number
  subs: Node[]
  /** literal: one; string: all */
  runes: number[]
  class: CharClass | undefined
  min: number
  /** -1: no limit */
  max: number
  /** number of a group; -1 for one that does not capture */
  cap: number
}

export function createNode(op: Op, flags: number, rest: Partial<Node> = {}): Node {
  return { op, flags, subs: [], runes: [], class: undefined, min: 0, max: 0, cap: 0, ...rest }
}

export const isEmptyWidth = ({ op }: Node): boolean =>
  op === 'begin-line' ||
  op === 'end-line' ||
  op === 'word-boundary' ||
  op === 'no-word-boundary' ||
  op === 'begin-text' ||
  op === 'end-text'

/** As RE2's Regexp::Equal: flags count only where they change what is matched. */
export function equalNodes(a: Node, b: Node): boolean {
  if (a === b) return true
  if (a.op !== b.op || a.subs.length !== b.subs.length) return false
  const differ = a.flags ^ b.flags
  switch (a.op) {
    case 'end-text':
      if ((differ & WAS_DOLLAR) !== 0) return false
      break
    case 'literal':
    case 'string':
      if ((differ & FOLD_CASE) !== 0 || a.runes.length !== b.runes.length || a.runes.some((rune, at) => rune !== b.runes[at])) return false
      break
    case 'star':
    case 'plus':
    case 'quest':
      if ((differ & NON_GREEDY) !== 0) return false
      break
    case 'repeat':
      if ((differ & NON_GREEDY) !== 0 || a.min !== b.min || a.max !== b.max) return false
      break
    case 'capture':
      if (a.cap !== b.cap) return false
      break
    case 'class':
      if (a.class?.equals(b.class) !== true) return false
      break
  }
  return a.subs.every((sub, at) => equalNodes(sub, b.subs[at] as Node))
}

/** Concat and Alternate of one thing is that thing. */
export function concat(subs: Node[], flags: number): Node {
  const [only] = subs
  if (only === undefined) return createNode('empty', flags)
  return subs.length === 1 ? only : createNode('concat', flags, { subs })
}

export function alternateUnfactored(subs: Node[], flags: number): Node {
  const [only] = subs
  if (only === undefined) return createNode('no-match', flags)
  return subs.length === 1 ? only : createNode('alternate', flags, { subs })
}

export function literalString(runes: number[], flags: number): Node {
  if (runes.length === 0) return createNode('empty', flags)
  return createNode(runes.length === 1 ? 'literal' : 'string', flags, { runes })
}
