/**
 * A regex as an automaton over bytes, each a character of Latin-1, as Envoy compiles it. In: RE2's tree of a pattern. Out: for each state the next one for each byte,
 * and whether a text that ends there is matched as a whole; undefined when it has more than DFA_STATES states.
 *
 * Thompson's construction, then subsets. Assertions (^ $ \b and the like) depend on the characters around a place: so a set of the automaton is taken before its
 * empty steps are, together with what the character before was, and the empty steps are taken when the next character is known.
 */
import { DFA_STATES } from '../../../proto/http/matching.ts'
import { FOLD_CASE, NON_GREEDY, type Node } from '../../re2/node.ts'

export interface Automaton {
  /** by state, then byte; DEAD: nothing matches any more; UNSURE: the byte is not told */
  readonly next: readonly Int32Array[]
  /** by state: a text that ends there matches */
  readonly accepts: readonly boolean[]
}

export const DEAD = -1
export const UNSURE = -2
const BYTES = 256
const ASCII = 128
const MOST_STEPS = 20_000
const NEWLINE = 10

type Assertion = 'begin-line' | 'end-line' | 'begin-text' | 'end-text' | 'word-boundary' | 'no-word-boundary'

export type Step =
  | { readonly kind: 'bytes'; readonly takes: Uint8Array; readonly out: number }
  /** the first one is preferred */
  | { readonly kind: 'fork'; outs: readonly number[] }
  /** a group begins (2 n) or ends (2 n + 1) */
  | { readonly kind: 'save'; readonly what: number; readonly out: number }
  | { readonly kind: 'assert'; readonly what: Assertion; readonly out: number }
  | { readonly kind: 'match' }

/** The character before or behind a place: what assertions tell apart. */
export type Around = 'edge' | 'newline' | 'word' | 'other'

export function toAutomaton(tree: Node, told: 'bytes' | 'ascii'): Automaton | undefined {
  const steps: Step[] = [{ kind: 'match' }]
  const start = build(tree, 0, steps)
  if (start === undefined) return undefined
  const asserts = steps.some(({ kind }) => kind === 'assert')
  const aroundOf = (byte: number): Around => (!asserts ? 'other' : byte === NEWLINE ? 'newline' : isWord(byte) ? 'word' : 'other')
  const classes = byteClasses(steps)
  const states = new Map<string, number>()
  const sets: { readonly of: readonly number[]; readonly before: Around }[] = []
  const stateOf = (of: readonly number[], before: Around): number => {
    const key = `${before} ${of.join(',')}`
    const held = states.get(key)
    if (held !== undefined) return held
    states.set(key, sets.length)
    return sets.push({ of, before }) - 1
  }
  stateOf([start], asserts ? 'edge' : 'other')
  const next: Int32Array[] = []
  const accepts: boolean[] = []
  for (let state = 0; state < sets.length; state++) {
    if (sets.length > DFA_STATES) return undefined
    const { of, before } = sets[state] as (typeof sets)[number]
    accepts.push(reached(steps, of, before, 'edge').some((at) => steps[at]?.kind === 'match'))
    const row = new Int32Array(BYTES).fill(DEAD)
    if (told === 'ascii') row.fill(UNSURE, ASCII)
    for (const all of classes) {
      const bytes = told === 'bytes' ? all : all.filter((byte) => byte < ASCII)
      if (bytes.length === 0) continue
      const byte = bytes[0] as number
      const outs = new Set<number>()
      for (const at of reached(steps, of, before, aroundOf(byte))) {
        const step = steps[at] as Step
        if (step.kind === 'bytes' && step.takes[byte] === 1) outs.add(step.out)
      }
      if (outs.size === 0) continue
      const target = stateOf(
        [...outs].sort((a, b) => a - b),
        aroundOf(byte),
      )
      for (const one of bytes) row[one] = target
    }
    next.push(row)
  }
  return sets.length > DFA_STATES ? undefined : { next, accepts }
}

/** Steps for a tree that go on at `out`; undefined: too many. */
export function build(node: Node, out: number, steps: Step[]): number | undefined {
  const add = (step: Step): number | undefined => (steps.length >= MOST_STEPS ? undefined : steps.push(step) - 1)
  const bytes = (takes: (byte: number) => boolean, to: number): number | undefined =>
    add({ kind: 'bytes', takes: Uint8Array.from({ length: BYTES }, (_, byte) => (takes(byte) ? 1 : 0)), out: to })
  const inner = (to: number): number | undefined => build(node.subs[0] as Node, to, steps)
  switch (node.op) {
    case 'no-match':
      return add({ kind: 'fork', outs: [] })
    case 'empty':
      return out
    case 'literal':
    case 'string':
      return node.runes.reduceRight<number | undefined>(
        (to, rune) => (to === undefined ? undefined : bytes(literal(rune, (node.flags & FOLD_CASE) !== 0), to)),
        out,
      )
    case 'class':
      return bytes((byte) => node.class?.contains(byte) === true, out)
    case 'any-char':
    case 'any-byte':
      return bytes(() => true, out)
    case 'begin-line':
    case 'end-line':
    case 'begin-text':
    case 'end-text':
    case 'word-boundary':
    case 'no-word-boundary':
      return add({ kind: 'assert', what: node.op, out })
    case 'concat':
      return node.subs.reduceRight<number | undefined>((to, sub) => (to === undefined ? undefined : build(sub, to, steps)), out)
    case 'alternate': {
      const outs = node.subs.map((sub) => build(sub, out, steps))
      return outs.some((one) => one === undefined) ? undefined : add({ kind: 'fork', outs: outs as number[] })
    }
    case 'star':
    case 'plus': {
      const fork: Step = { kind: 'fork', outs: [] }
      const loop = add(fork)
      const body = loop === undefined ? undefined : inner(loop)
      if (loop === undefined || body === undefined) return undefined
      fork.outs = (node.flags & NON_GREEDY) === 0 ? [body, out] : [out, body]
      return node.op === 'star' ? loop : body
    }
    case 'quest': {
      const body = inner(out)
      return body === undefined ? undefined : add({ kind: 'fork', outs: (node.flags & NON_GREEDY) === 0 ? [body, out] : [out, body] })
    }
    case 'capture': {
      const end = node.cap < 0 ? out : add({ kind: 'save', what: 2 * node.cap + 1, out })
      const body = end === undefined ? undefined : inner(end)
      return body === undefined || node.cap < 0 ? body : add({ kind: 'save', what: 2 * node.cap, out: body })
    }
    default:
      return undefined
  }
}

/** Case is that of ASCII letters. */
function literal(rune: number, fold: boolean): (byte: number) => boolean {
  const letter = (rune >= 65 && rune <= 90) || (rune >= 97 && rune <= 122)
  return (byte) => byte === rune || (fold && letter && byte === (rune ^ 32))
}

export function isWord(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95
}

/** Where empty steps lead between two characters. */
function reached(steps: readonly Step[], from: readonly number[], before: Around, behind: Around): readonly number[] {
  const seen = new Set<number>(from)
  for (const at of seen) {
    const step = steps[at] as Step
    if (step.kind === 'fork') for (const out of step.outs) seen.add(out)
    else if (step.kind === 'save') seen.add(step.out)
    else if (step.kind === 'assert' && holds(step.what, before, behind)) seen.add(step.out)
  }
  return [...seen]
}

export function holds(what: Assertion, before: Around, behind: Around): boolean {
  switch (what) {
    case 'begin-text':
      return before === 'edge'
    case 'end-text':
      return behind === 'edge'
    case 'begin-line':
      return before === 'edge' || before === 'newline'
    case 'end-line':
      return behind === 'edge' || behind === 'newline'
    case 'word-boundary':
      return (before === 'word') !== (behind === 'word')
    case 'no-word-boundary':
      return (before === 'word') === (behind === 'word')
  }
}

/** Bytes that no step tells apart, in one list each. A zero byte is in no text. */
export function byteClasses(steps: readonly Step[]): readonly (readonly number[])[] {
  const asserts = steps.some(({ kind }) => kind === 'assert')
  const sets = new Map<string, Uint8Array>()
  for (const step of steps) if (step.kind === 'bytes') sets.set(step.takes.join(''), step.takes)
  const classes = new Map<string, number[]>()
  for (let byte = 1; byte < BYTES; byte++) {
    const key = [...sets.values()].map((takes) => takes[byte]).join('') + (asserts ? `${byte === NEWLINE}${isWord(byte)}` : '')
    const held = classes.get(key)
    if (held === undefined) classes.set(key, [byte])
    else held.push(byte)
  }
  return [...classes.values()]
}
