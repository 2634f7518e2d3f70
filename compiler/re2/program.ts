/**
 * A tree as RE2's program, as far as its size needs it. In: a simplified tree. Out: the instructions before they are flattened, or undefined when there are
 * more than RE2 allows. Source: RE2's compile.cc and Prog::Optimize.
 */
import { concat, createNode, NON_GREEDY, type Node } from './node.ts'

export type Opcode = 'alt' | 'alt-match' | 'byte' | 'capture' | 'empty-width' | 'match' | 'nop' | 'fail'

export interface Instruction {
  op: Opcode
  /** 0: the fail instruction, or not known yet */
  out: number
  /** alt only */
  out1: number
  /** byte: matches every byte */
  readonly any: boolean
}

export interface Program {
  readonly instructions: readonly Instruction[]
  readonly start: number
  readonly startUnanchored: number
}

/** RE2 gives two thirds of 8 MiB to a program, at 8 bytes an instruction. */
export const MOST_INSTRUCTIONS = 699_000

/** Exits that wait for a target: the slot of an instruction, as its index times two, plus one for out1. */
type Exits = number[]

interface Fragment {
  /** 0: matches nothing */
  readonly begin: number
  readonly exits: Exits
  readonly nullable: boolean
}

const NOTHING: Fragment = Object.freeze({ begin: 0, exits: [], nullable: false })

export class TooLarge extends Error {}

export function toProgram(tree: Node): Program {
  const compiler = new Compiler()
  const [afterStart, anchored] = withoutStart(tree, 0)
  const [body] = withoutEnd(afterStart, 0)
  const all = compiler.cat(compiler.visit(body), compiler.match())
  const loop = anchored ? all : compiler.cat(compiler.star(compiler.byte('any'), 'lazy'), all)
  const { instructions } = compiler
  if (all.begin === 0 && loop.begin === 0) instructions.length = 1
  optimize(instructions, all.begin)
  return { instructions, start: all.begin, startUnanchored: loop.begin }
}

class Compiler {
  readonly instructions: Instruction[] = [{ op: 'fail', out: 0, out1: 0, any: false }]

  private emit(op: Opcode, out = 0, out1 = 0, any = false): number {
    if (this.instructions.length >= MOST_INSTRUCTIONS) throw new TooLarge()
    return this.instructions.push({ op, out, out1, any }) - 1
  }

  private patch(exits: Exits, target: number): void {
    for (const exit of exits) {
      const instruction = this.instructions[exit >> 1] as Instruction
      if ((exit & 1) === 1) instruction.out1 = target
      else instruction.out = target
    }
  }

  private single(op: Opcode, nullable: boolean, any = false): Fragment {
    const id = this.emit(op, 0, 0, any)
    return { begin: id, exits: [id << 1], nullable }
  }

  byte(kind: 'any' | 'some'): Fragment {
    return this.single('byte', false, kind === 'any')
  }

  match(): Fragment {
    return { begin: this.emit('match'), exits: [], nullable: false }
  }

  cat(a: Fragment, b: Fragment): Fragment {
    if (a.begin === 0 || b.begin === 0) return NOTHING
    this.patch(a.exits, b.begin)
    const first = this.instructions[a.begin] as Instruction
    if (first.op === 'nop' && a.exits.length === 1 && a.exits[0] === a.begin << 1) return b
    return { begin: a.begin, exits: b.exits, nullable: a.nullable && b.nullable }
  }

  private alt(a: Fragment, b: Fragment): Fragment {
    if (a.begin === 0) return b
    if (b.begin === 0) return a
    const id = this.emit('alt', a.begin, b.begin)
    return { begin: id, exits: joined(a.exits, b.exits), nullable: a.nullable || b.nullable }
  }

  /** an alt that leads into `begin` and has one exit of its own */
  private fork(begin: number, greed: 'greedy' | 'lazy'): readonly [id: number, exit: number] {
    const id = greed === 'lazy' ? this.emit('alt', 0, begin) : this.emit('alt', begin, 0)
    return [id, greed === 'lazy' ? id << 1 : (id << 1) | 1]
  }

  private plus(a: Fragment, greed: 'greedy' | 'lazy'): Fragment {
    const [id, exit] = this.fork(a.begin, greed)
    this.patch(a.exits, id)
    return { begin: a.begin, exits: [exit], nullable: a.nullable }
  }

  star(a: Fragment, greed: 'greedy' | 'lazy'): Fragment {
    if (a.nullable) return this.quest(this.plus(a, greed), greed)
    const [id, exit] = this.fork(a.begin, greed)
    this.patch(a.exits, id)
    return { begin: id, exits: [exit], nullable: true }
  }

  private quest(a: Fragment, greed: 'greedy' | 'lazy'): Fragment {
    if (a.begin === 0) return this.single('nop', true)
    const [id, exit] = this.fork(a.begin, greed)
    return { begin: id, exits: joined(a.exits, [exit]), nullable: true }
  }

  visit(node: Node): Fragment {
    const greed = (node.flags & NON_GREEDY) !== 0 ? 'lazy' : 'greedy'
    const inner = (): Fragment => this.visit(node.subs[0] as Node)
    switch (node.op) {
      case 'no-match':
        return NOTHING
      case 'empty':
        return this.single('nop', true)
      case 'concat':
        return node.subs.slice(1).reduce((all, sub) => this.cat(all, this.visit(sub)), inner())
      case 'alternate': {
        const parts = node.subs.map((sub) => this.visit(sub))
        return parts.slice(1).reduce((all, part) => this.alt(all, part), parts[0] as Fragment)
      }
      case 'star':
        return this.star(inner(), greed)
      case 'plus':
        return this.plus(inner(), greed)
      case 'quest':
        return this.quest(inner(), greed)
      case 'literal':
        return this.byte('some')
      case 'string':
        return node.runes.slice(1).reduce((all) => this.cat(all, this.byte('some')), this.byte('some'))
      case 'any-char':
      case 'any-byte':
        return this.byte('any')
      case 'class':
        return this.characters(node)
      case 'capture': {
        const body = inner()
        if (body.begin === 0) return NOTHING
        const id = this.emit('capture', body.begin)
        const end = this.emit('capture')
        this.patch(body.exits, end)
        return { begin: id, exits: [end << 1], nullable: body.nullable }
      }
      default:
        return this.single('empty-width', true)
    }
  }

  /** One instruction a range; a range of capitals alone is left out where both cases are there. */
  private characters(node: Node): Fragment {
    const folds = node.class?.foldsAscii() === true
    let all: Fragment | undefined
    for (const [low, high] of node.class?.ranges() ?? []) {
      if (folds && low >= 65 && high <= 90) continue
      const one = this.byte(low === 0 && high === 255 ? 'any' : 'some')
      all = all === undefined ? one : this.alt(all, one)
    }
    return all ?? NOTHING
  }
}

/** Each fragment is used once, so its list may grow: long alternatives stay linear. */
function joined(into: Exits, more: Exits): Exits {
  for (const exit of more) into.push(exit)
  return into
}

const DEPTH = 4

/** Takes \A off the beginning; gives up on deep trees, as RE2 does. */
function withoutStart(node: Node, depth: number): readonly [Node, boolean] {
  return without(node, depth, 'begin-text', () => 0, withoutStart)
}

function withoutEnd(node: Node, depth: number): readonly [Node, boolean] {
  return without(node, depth, 'end-text', (count) => count - 1, withoutEnd)
}

function without(
  node: Node,
  depth: number,
  op: 'begin-text' | 'end-text',
  place: (count: number) => number,
  again: (node: Node, depth: number) => readonly [Node, boolean],
): readonly [Node, boolean] {
  if (depth >= DEPTH) return [node, false]
  if (node.op === op) return [createNode('empty', node.flags), true]
  if ((node.op !== 'concat' && node.op !== 'capture') || node.subs.length === 0) return [node, false]
  const at = node.op === 'capture' ? 0 : place(node.subs.length)
  const [sub, found] = again(node.subs[at] as Node, depth + 1)
  if (!found) return [node, false]
  const subs = node.subs.map((other, index) => (index === at ? sub : other))
  return [node.op === 'concat' ? concat(subs, node.flags) : { ...node, subs }, true]
}

/** Skips nops, and marks the loops over every byte that end in a match. */
function optimize(instructions: readonly Instruction[], start: number): void {
  const at = (id: number): Instruction => instructions[id] as Instruction
  const skip = (id: number): number => {
    let next = id
    while (next !== 0 && at(next).op === 'nop') next = at(next).out
    return next
  }
  const isMatch = (id: number): boolean => {
    let next = at(id)
    while (next.op === 'nop' || next.op === 'capture') next = at(next.out)
    return next.op === 'match'
  }
  const reach = (visit: (id: number) => void): void => {
    const queue = new Set<number>(start === 0 ? [] : [start])
    for (const id of queue) {
      visit(id)
      const { op, out, out1 } = at(id)
      if (out !== 0) queue.add(out)
      if ((op === 'alt' || op === 'alt-match') && out1 !== 0) queue.add(out1)
    }
  }
  reach((id) => {
    const instruction = at(id)
    instruction.out = skip(instruction.out)
    if (instruction.op === 'alt') instruction.out1 = skip(instruction.out1)
  })
  reach((id) => {
    const instruction = at(id)
    if (instruction.op !== 'alt') return
    const loops = (one: number): boolean => at(one).op === 'byte' && at(one).any && at(one).out === id
    if ((loops(instruction.out) && isMatch(instruction.out1)) || (isMatch(instruction.out) && loops(instruction.out1)))
      instruction.op = 'alt-match'
  })
}
