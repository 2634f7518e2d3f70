/**
 * What Google's RE2, as Envoy uses it, says of a pattern. In: a pattern. Out: its program size, or why it is refused. No pattern takes more than linear time
 * in what RE2 itself would build. The answer equals RE2's own (inspect-regex.test.ts holds sizes that Envoy printed).
 */
import { flatSize } from './flatten.ts'
import { concat, createNode, type Node } from './node.ts'
import { parseRegex } from './parse.ts'
import { SyntaxProblem } from './parse-text.ts'
import { TooLarge, toProgram } from './program.ts'
import { simplify } from './simplify.ts'

export type Inspection = { readonly size: number } | { readonly error: string } | { readonly unknown: true }

const known = new Map<string, Inspection>()
const MOST_KNOWN = 10_000

export function inspectRegex(pattern: string): Inspection {
  const held = known.get(pattern)
  if (held !== undefined) return held
  const made = inspect(pattern)
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(pattern, made)
  return made
}

function inspect(pattern: string): Inspection {
  try {
    return { size: flatSize(toProgram(simplify(withoutPrefix(parseRegex(pattern))))) }
  } catch (thrown) {
    if (thrown instanceof SyntaxProblem) return { error: thrown.message }
    if (thrown instanceof TooLarge) return { error: 'pattern too large - compile failed' }
    // nested too deeply for this stack: RE2 walks without one
    if (thrown instanceof RangeError) return { unknown: true }
    throw thrown
  }
}

/** RE2 compares a literal behind ^ by itself and compiles what follows. */
function withoutPrefix(tree: Node): Node {
  if (tree.op !== 'concat') return tree
  const anchors = tree.subs.findIndex(({ op }) => op !== 'begin-text')
  const literal = tree.subs[anchors]
  if (anchors <= 0 || literal === undefined || (literal.op !== 'literal' && literal.op !== 'string')) return tree
  const rest = tree.subs.slice(anchors + 1)
  return rest.length === 0 ? createNode('empty', tree.flags) : concat(rest, tree.flags)
}
