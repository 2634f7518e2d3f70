/**
 * An automaton that finds the matches of a regex and remembers where its groups are (proto/http/replacing.ts). In: a pattern, the groups that are asked for. Out: rows, or undefined: RE2 refuses
 * it, or it needs more states, classes or registers than the kernel has.
 *
 * The threads of a backtracking matcher, in the order in which it would try them, are the states; each carries registers instead of places (tagged automata, after Laurikari). A state is taken
 * before its empty steps are, as in dfa.ts. The leftmost match wins, of those the one that is tried first. Source: RE2's nfa.cc and re2.cc (GlobalReplace).
 */
import {
  REPLACE_CLASS_ROWS,
  REPLACE_CLASSES,
  REPLACE_DEAD,
  REPLACE_EDGE,
  REPLACE_HERE,
  REPLACE_NONE,
  REPLACE_REGISTERS,
  REPLACE_STATES_MAX,
  REPLACE_UNSURE,
} from '../../../proto/http/replacing.ts'
import { HTTP_ROW_SIZE } from '../../../proto/http/tables.ts'
import { isEmptyWidth, type Node } from '../../re2/node.ts'
import { parseRegex } from '../../re2/parse.ts'
import { SyntaxProblem } from '../../re2/parse-text.ts'
import { simplify } from '../../re2/simplify.ts'
import { ignoresCase } from './automata.ts'
import { type Around, build, byteClasses, holds, isWord, type Step } from './dfa.ts'

/** `regs`: for each place of the match a register, REPLACE_HERE or REPLACE_NONE */
interface Thread {
  readonly at: number
  readonly regs: readonly number[]
}

interface State {
  readonly threads: readonly Thread[]
  readonly before: Around
  /** no match has begun yet */
  readonly searching: boolean
}

interface Taken {
  readonly next: State | undefined
  readonly registers: readonly number[]
  readonly match: readonly number[] | undefined
}

const ASCII = 128
const NEWLINE = 10

/** Whole rows. `groups`: their places are 1 and 2, 3 and 4, ... of the match. */
export function replacerRows(source: string, groups: readonly number[]): Uint8Array | undefined {
  const steps: Step[] = [{ kind: 'match' }]
  const start = stepsOf(source, steps)
  if (start === undefined || 1 + 2 * groups.length >= REPLACE_HERE) return undefined
  // a group that the pattern has not: RE2 leaves the text as it is
  if (groups.some((group) => !steps.some((step) => step.kind === 'save' && step.what >> 1 === group))) return undefined
  const asserts = steps.some(({ kind }) => kind === 'assert')
  const classes = byteClasses(steps)
  if (classes.length >= REPLACE_UNSURE) return undefined
  const aroundOf = (bytes: readonly number[]): Around => {
    const byte = bytes[0] as number
    return !asserts ? 'other' : byte === NEWLINE ? 'newline' : isWord(byte) ? 'word' : 'other'
  }
  const placeOf = (what: number): number => {
    const index = groups.indexOf(what >> 1)
    return index < 0 ? -1 : 1 + 2 * index + (what & 1)
  }
  const first: Thread = { at: start, regs: [REPLACE_HERE, ...groups.flatMap(() => [REPLACE_NONE, REPLACE_NONE])] }
  const states: State[] = []
  const known = new Map<string, number>()
  const numberOf = (state: State): number => {
    const key = `${state.before} ${state.searching} ${state.threads.map(({ at, regs }) => `${at}:${regs.join('.')}`).join(' ')}`
    const held = known.get(key)
    if (held !== undefined) return held
    known.set(key, states.length)
    return states.push(state) - 1
  }
  const begin = (before: Around): number => numberOf({ threads: [], before, searching: true })
  const starts = Array.from({ length: REPLACE_CLASSES }, () => 0)
  for (const [index, bytes] of classes.entries()) starts[index] = begin(aroundOf(bytes))
  starts[REPLACE_EDGE] = begin(asserts ? 'edge' : 'other')
  const rows: Row[][] = []
  for (let index = 0; index < states.length; index++) {
    if (states.length > REPLACE_STATES_MAX) return undefined
    const columns: Row[] = []
    for (const [column, bytes] of [...classes.entries(), [REPLACE_EDGE, undefined] as const]) {
      const taken = take(states[index] as State, { steps, first, placeOf, bytes, around: bytes === undefined ? 'edge' : aroundOf(bytes) })
      if (taken === undefined) return undefined
      columns[column] = { ...taken, next: taken.next === undefined ? REPLACE_DEAD : numberOf(taken.next) }
    }
    rows.push(columns)
  }
  return written(classes, starts, rows, ignoresCase(source) ? 'ascii' : 'bytes')
}

function stepsOf(source: string, steps: Step[]): number | undefined {
  try {
    const tree = simplify(parseRegex(source))
    return loopsOverNothing(tree) ? undefined : build(tree, 0, steps)
  } catch (thrown) {
    // refused, or nested too deeply for this stack
    if (thrown instanceof SyntaxProblem || thrown instanceof RangeError) return undefined
    throw thrown
  }
}

/** What a group keeps of a loop whose body may be nothing is a matter of its own, which nobody writes. */
function loopsOverNothing(node: Node): boolean {
  const loops = node.op === 'star' || node.op === 'plus'
  return (loops && node.subs.some(mayBeNothing)) || node.subs.some(loopsOverNothing)
}

function mayBeNothing(node: Node): boolean {
  switch (node.op) {
    case 'empty':
    case 'star':
    case 'quest':
      return true
    case 'plus':
    case 'capture':
    case 'concat':
      return node.subs.every(mayBeNothing)
    case 'alternate':
      return node.subs.some(mayBeNothing)
    default:
      return isEmptyWidth(node)
  }
}

interface Taking {
  readonly steps: readonly Step[]
  readonly first: Thread
  readonly placeOf: (what: number) => number
  /** that cannot be told apart; undefined: the text ends */
  readonly bytes: readonly number[] | undefined
  readonly around: Around
}

/** undefined: there are not registers enough */
function take({ threads, before, searching }: State, { steps, first, placeOf, bytes, around }: Taking): Taken | undefined {
  const list: Thread[] = []
  const seen = new Set<number>()
  let match: readonly number[] | undefined
  const visit = (at: number, regs: readonly number[]): void => {
    if (match !== undefined || seen.has(at)) return
    seen.add(at)
    const step = steps[at] as Step
    if (step.kind === 'match') match = regs
    else if (step.kind === 'bytes') list.push({ at, regs })
    else if (step.kind === 'fork') for (const out of step.outs) visit(out, regs)
    else if (step.kind === 'save') {
      const place = placeOf(step.what)
      visit(step.out, place < 0 ? regs : regs.map((one, index) => (index === place ? REPLACE_HERE : one)))
    } else if (holds(step.what, before, around)) visit(step.out, regs)
  }
  for (const { at, regs } of threads) visit(at, regs)
  if (searching) visit(first.at, first.regs)
  const goesOn = searching && match === undefined
  const byte = bytes?.[0]
  const registers: number[] = []
  const next: Thread[] = []
  const met = new Set<number>()
  for (const { at, regs } of byte === undefined ? [] : list) {
    const step = steps[at] as Extract<Step, { kind: 'bytes' }>
    if (step.takes[byte as number] !== 1 || met.has(step.out)) continue
    met.add(step.out)
    next.push({ at: step.out, regs: regs.map((one) => renamed(one, registers)) })
  }
  if (registers.length > REPLACE_HERE) return undefined
  const dead = byte === undefined || (next.length === 0 && !goesOn)
  return { next: dead ? undefined : { threads: next, before: around, searching: goesOn }, registers, match }
}

/** The register that takes over `one` from now on, in the order in which they are needed. */
function renamed(one: number, registers: number[]): number {
  if (one === REPLACE_NONE) return REPLACE_NONE
  const held = registers.indexOf(one)
  return held >= 0 ? held : registers.push(one) - 1
}

interface Row {
  readonly next: number
  readonly registers: readonly number[]
  readonly match: readonly number[] | undefined
}

function written(
  classes: readonly (readonly number[])[],
  starts: readonly number[],
  rows: readonly (readonly Row[])[],
  told: 'bytes' | 'ascii',
): Uint8Array {
  const head = 1 + REPLACE_CLASS_ROWS
  const bytes = new Uint8Array((head + rows.length * REPLACE_CLASSES) * HTTP_ROW_SIZE)
  const view = new DataView(bytes.buffer)
  for (const [index, state] of starts.entries()) view.setUint16(index * 2, state, true)
  bytes.fill(REPLACE_UNSURE, HTTP_ROW_SIZE, head * HTTP_ROW_SIZE)
  for (const [index, members] of classes.entries())
    for (const byte of members) if (told === 'bytes' || byte < ASCII) bytes[HTTP_ROW_SIZE + byte] = index
  for (const [state, columns] of rows.entries()) {
    for (let column = 0; column < REPLACE_CLASSES; column++) {
      const at = (head + state * REPLACE_CLASSES + column) * HTTP_ROW_SIZE
      const { next, registers, match } = columns[column] ?? { next: REPLACE_DEAD, registers: [], match: undefined }
      const keeps = registers.every((one, index) => one === index)
      view.setUint32(at, next, true)
      view.setUint16(at + 4, keeps ? 0 : registers.length, true)
      view.setUint16(at + 6, match?.length ?? 0, true)
      view.setBigUint64(at + 8, nibbles(registers), true)
      view.setBigUint64(at + 16, nibbles(match ?? []), true)
    }
  }
  return bytes
}

function nibbles(values: readonly number[]): bigint {
  return Array.from({ length: REPLACE_REGISTERS }, (_, index) => BigInt(values[index] ?? REPLACE_NONE) << BigInt(4 * index)).reduce(
    (sum, one) => sum | one,
    0n,
  )
}
