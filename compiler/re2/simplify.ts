/**
 * Counted repetitions written out, and neighbours like a+a* joined. In: a tree. Out: one without `repeat`. Source: RE2's simplify.cc.
 */
import { concat, createNode, equalNodes, FOLD_CASE, isEmptyWidth, literalString, NON_GREEDY, type Node } from './node.ts'

export function simplify(node: Node): Node {
  return written(coalesced(node))
}

const isRepetition = ({ op }: Node): boolean => op === 'star' || op === 'plus' || op === 'quest' || op === 'repeat'

/** -> the same node where nothing changes */
function coalesced(node: Node): Node {
  if (node.subs.length === 0) return node
  const subs = node.subs.map(coalesced)
  const changed = subs.some((sub, at) => sub !== node.subs[at])
  const joins = node.op === 'concat' && subs.some((sub, at) => at + 1 < subs.length && canJoin(sub, subs[at + 1] as Node))
  if (!joins) return changed ? { ...node, subs } : node
  for (let at = 0; at + 1 < subs.length; at++) {
    if (canJoin(subs[at] as Node, subs[at + 1] as Node)) join(subs, at)
  }
  return createNode('concat', node.flags, { subs: subs.filter(({ op }) => op !== 'empty') })
}

function canJoin(first: Node, second: Node): boolean {
  const [inner] = first.subs
  if (!isRepetition(first) || inner === undefined) return false
  if (inner.op !== 'literal' && inner.op !== 'class' && inner.op !== 'any-char' && inner.op !== 'any-byte') return false
  const [other] = second.subs
  if (isRepetition(second) && other !== undefined && equalNodes(inner, other) && ((first.flags ^ second.flags) & NON_GREEDY) === 0)
    return true
  if (equalNodes(inner, second)) return true
  return (
    inner.op === 'literal' &&
    second.op === 'string' &&
    second.runes[0] === inner.runes[0] &&
    ((inner.flags ^ second.flags) & FOLD_CASE) === 0
  )
}

function join(subs: Node[], at: number): void {
  const [first, second] = [subs[at] as Node, subs[at + 1] as Node]
  const inner = first.subs[0] as Node
  let [min, max] = bounds(first)
  let rest: Node | undefined
  if (isRepetition(second)) {
    const [low, high] = bounds(second)
    min += low
    max = max === -1 || high === -1 ? -1 : max + high
  } else {
    let count = 1
    if (second.op === 'string') {
      while (count < second.runes.length && second.runes[count] === inner.runes[0]) count++
      if (count < second.runes.length) rest = literalString(second.runes.slice(count), second.flags)
    }
    min += count
    if (max !== -1) max += count
  }
  const joined = createNode('repeat', first.flags, { subs: [inner], min, max })
  subs[at] = rest === undefined ? createNode('empty', 0) : joined
  subs[at + 1] = rest ?? joined
}

function bounds(node: Node): [number, number] {
  if (node.op === 'star') return [0, -1]
  if (node.op === 'plus') return [1, -1]
  return node.op === 'quest' ? [0, 1] : [node.min, node.max]
}

function written(node: Node): Node {
  switch (node.op) {
    case 'concat':
    case 'alternate':
    case 'capture': {
      const subs = node.subs.map(written)
      return subs.some((sub, at) => sub !== node.subs[at]) ? { ...node, subs } : node
    }
    case 'star':
    case 'plus':
    case 'quest': {
      const inner = written(node.subs[0] as Node)
      if (inner.op === 'empty') return inner
      if (inner === node.subs[0]) return node
      if (inner.op === node.op && inner.flags === node.flags) return inner
      return { ...node, subs: [inner] }
    }
    case 'repeat': {
      const inner = written(node.subs[0] as Node)
      return inner.op === 'empty' ? inner : repeated(inner, node.min, node.max, node.flags)
    }
    case 'class':
      return node.class?.size === 0 ? createNode('no-match', node.flags) : node
    default:
      return node
  }
}

function repeated(inner: Node, least: number, most: number, flags: number): Node {
  let [min, max] = [least, most]
  if (isEmptyWidth(inner) || ((inner.op === 'concat' || inner.op === 'alternate') && inner.subs.every(isEmptyWidth))) {
    min = Math.min(min, 1)
    max = Math.min(max, 1)
  }
  const copies = (count: number): Node[] => Array.from({ length: count }, () => inner)
  if (max === -1) {
    if (min === 0) return unary('star', inner, flags)
    return concat([...copies(min - 1), unary('plus', inner, flags)], flags)
  }
  if (min === 0 && max === 0) return createNode('empty', flags)
  if (min === 1 && max === 1) return inner
  const head = min > 0 ? concat(copies(min), flags) : undefined
  if (max <= min) return head ?? createNode('no-match', flags)
  let tail = unary('quest', inner, flags)
  for (let count = min + 1; count < max; count++) tail = unary('quest', createNode('concat', flags, { subs: [inner, tail] }), flags)
  return head === undefined ? tail : createNode('concat', flags, { subs: [head, tail] })
}

/** x** is x*, and every other pair of two different ones is x* too */
function unary(op: 'star' | 'plus' | 'quest', inner: Node, flags: number): Node {
  if (inner.flags === flags) {
    if (inner.op === op || inner.op === 'star') return inner
    if (inner.op === 'plus' || inner.op === 'quest') return createNode('star', flags, { subs: inner.subs })
  }
  return createNode(op, flags, { subs: [inner] })
}
