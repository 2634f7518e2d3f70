/**
 * The parser's stack: expressions wait there until a bar, a parenthesis or the end joins them. Literals next to each other become strings as soon as
 * something else follows them. In: pieces in the order of the pattern. Out: one tree. Source: RE2's ParseState.
 */
import { CharClass } from './char-class.ts'
import { factor } from './factor.ts'
import { alternateUnfactored, createNode, FOLD_CASE, type Node, ONE_LINE, WAS_DOLLAR } from './node.ts'
import { SyntaxProblem } from './parse-text.ts'

/** of a repetition, and of nested ones together */
const MOST_COPIES = 1000

const isMarker = (node: Node | undefined): boolean => node?.op === 'left-paren' || node?.op === 'vertical-bar'
const isText = (node: Node | undefined): node is Node => node?.op === 'literal' || node?.op === 'string'

export class Stack {
  /** of what is pushed next */
  flags = ONE_LINE
  private readonly whole: string
  private readonly items: Node[] = []
  private groups = 0

  constructor(whole: string) {
    this.whole = whole
  }

  private get top(): Node | undefined {
    return this.items[this.items.length - 1]
  }

  push(node: Node): void {
    this.joinTexts()
    this.items.push(node.op === 'class' ? this.narrow(node) : node)
  }

  /** A class of one character is a literal, and so is one of a letter in both cases. */
  private narrow(node: Node): Node {
    const size = node.class?.size
    const first = node.class?.ranges()[0]?.[0] ?? 0
    if (size === 1) return createNode('literal', this.flags, { runes: [first] })
    if (size === 2 && first >= 65 && first <= 90 && node.class?.contains(first + 32) === true)
      return createNode('literal', this.flags | FOLD_CASE, { runes: [first + 32] })
    return node
  }

  pushLiteral(rune: number): void {
    const letter = (rune >= 65 && rune <= 90) || (rune >= 97 && rune <= 122)
    if (letter && (this.flags & FOLD_CASE) !== 0) {
      const both = new CharClass()
      both.add(rune, rune, 'fold')
      this.push(createNode('class', this.flags & ~FOLD_CASE, { class: both }))
    } else this.push(createNode('literal', this.flags, { runes: [rune] }))
  }

  pushDollar(): void {
    const oneLine = (this.flags & ONE_LINE) !== 0
    this.push(createNode(oneLine ? 'end-text' : 'end-line', oneLine ? this.flags | WAS_DOLLAR : this.flags))
  }

  /** `lazy`: the flag to turn around */
  pushRepeat(op: 'star' | 'plus' | 'quest', lazy: number, operator: string): void {
    const { top } = this
    if (top === undefined || isMarker(top)) throw new SyntaxProblem('no argument for repetition operator', operator)
    const flags = this.flags ^ lazy
    if (top.flags === flags && (top.op === 'star' || top.op === 'plus' || top.op === 'quest')) {
      if (top.op !== op) top.op = 'star'
      return
    }
    this.items[this.items.length - 1] = createNode(op, flags, { subs: [top] })
  }

  pushCount(min: number, max: number, lazy: number, operator: string): void {
    if ((max !== -1 && max < min) || min > MOST_COPIES || max > MOST_COPIES) throw new SyntaxProblem('invalid repetition size', operator)
    const { top } = this
    if (top === undefined || isMarker(top)) throw new SyntaxProblem('no argument for repetition operator', operator)
    const node = createNode('repeat', this.flags ^ lazy, { subs: [top], min, max })
    this.items[this.items.length - 1] = node
    if ((min >= 2 || max >= 2) && copiesLeft(node, MOST_COPIES) === 0) throw new SyntaxProblem('invalid repetition size', operator)
  }

  openGroup(kind: 'capture' | 'plain'): void {
    this.push(createNode('left-paren', this.flags, { cap: kind === 'capture' ? ++this.groups : -1 }))
  }

  bar(): void {
    this.joinTexts()
    this.concatenate()
    const { items } = this
    const [below, bar, above] = [items[items.length - 3], items[items.length - 2], items[items.length - 1] as Node]
    if (bar?.op !== 'vertical-bar') {
      this.push(createNode('vertical-bar', this.flags))
      return
    }
    items.length -= 2
    const single = ({ op }: Node): boolean => op === 'literal' || op === 'class' || op === 'any-char'
    // any character stands for whatever single character is beside it
    if (below?.op === 'any-char' && single(above)) items.push(bar)
    else {
      if (above.op === 'any-char' && below !== undefined && single(below)) items.pop()
      items.push(above, bar)
    }
  }

  closeGroup(): void {
    this.alternate()
    const inner = this.items[this.items.length - 1]
    const open = this.items[this.items.length - 2]
    if (inner === undefined || open?.op !== 'left-paren') throw new SyntaxProblem('unexpected )', this.whole)
    this.items.length -= 2
    this.flags = open.flags
    this.push(open.cap > 0 ? createNode('capture', open.flags, { subs: [inner], cap: open.cap }) : inner)
  }

  finish(): Node {
    this.alternate()
    if (this.items.length > 1) throw new SyntaxProblem('missing )', this.whole)
    return this.items[0] as Node
  }

  private alternate(): void {
    this.bar()
    this.items.pop()
    this.collapse('alternate')
  }

  private concatenate(): void {
    if (this.top === undefined || isMarker(this.top)) this.push(createNode('empty', this.flags))
    this.collapse('concat')
  }

  /** Everything down to the next marker becomes one node. */
  private collapse(op: 'concat' | 'alternate'): void {
    let start = this.items.length
    while (start > 0 && !isMarker(this.items[start - 1])) start--
    if (this.items.length - start === 1) return
    const subs = this.items.splice(start).flatMap((node) => (node.op === op ? node.subs : [node]))
    this.items.push(
      op === 'concat' ? createNode('concat', this.flags, { subs }) : alternateUnfactored(factor(subs, this.flags), this.flags),
    )
  }

  /** The two texts on top become one, so that ab* stays a and b*. */
  private joinTexts(): void {
    const { top } = this
    const below = this.items[this.items.length - 2]
    if (!isText(top) || !isText(below) || ((top.flags ^ below.flags) & FOLD_CASE) !== 0) return
    this.items.pop()
    below.op = 'string'
    for (const rune of top.runes) below.runes.push(rune)
  }
}

/** How many copies are left of the innermost thing. */
function copiesLeft(node: Node, left: number): number {
  const count = node.max < 0 ? node.min : node.max
  const rest = node.op === 'repeat' && count > 0 ? Math.floor(left / count) : left
  return node.subs.reduce((least, sub) => Math.min(least, copiesLeft(sub, rest)), rest)
}
