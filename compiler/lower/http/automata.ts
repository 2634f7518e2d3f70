/**
 * Regexes as rows of km_automaton. In: a pattern. Out: the rows of its automaton, or undefined: RE2 refuses it, or it has too many states for the kernel.
 */
import { AUTOMATON_ACCEPTS, AUTOMATON_DEAD, AUTOMATON_ROWS, AUTOMATON_UNSURE } from '../../../proto/http/matching.ts'
import { HTTP_ROW_SIZE } from '../../../proto/http/tables.ts'
import { parseRegex } from '../../re2/parse.ts'
import { SyntaxProblem } from '../../re2/parse-text.ts'
import { simplify } from '../../re2/simplify.ts'
import { DEAD, toAutomaton, UNSURE } from './dfa.ts'

const U16 = 2

/** Whole rows, AUTOMATON_ROWS for each state. */
export function automatonRows(source: string): Uint8Array | undefined {
  const automaton = automatonOf(source)
  if (automaton === undefined) return undefined
  const { next, accepts } = automaton
  const bytes = new Uint8Array(next.length * AUTOMATON_ROWS * HTTP_ROW_SIZE)
  const view = new DataView(bytes.buffer)
  for (const [state, row] of next.entries()) {
    for (const [byte, target] of row.entries()) {
      const value =
        target === DEAD
          ? AUTOMATON_DEAD
          : target === UNSURE
            ? AUTOMATON_UNSURE
            : target | (accepts[target] === true ? AUTOMATON_ACCEPTS : 0)
      view.setUint16(state * AUTOMATON_ROWS * HTTP_ROW_SIZE + byte * U16, value, true)
    }
  }
  if (accepts[0] === true) view.setUint16(0, AUTOMATON_DEAD | AUTOMATON_ACCEPTS, true)
  return bytes
}

/** Ignoring case beyond ASCII is Unicode's matter, of which RE2's trees here keep no more than their size needs. */
export function ignoresCase(source: string): boolean {
  return /\(\?[a-zA-Z]*i/.test(source)
}

export function automatonOf(source: string): ReturnType<typeof toAutomaton> {
  try {
    return toAutomaton(simplify(parseRegex(source)), ignoresCase(source) ? 'ascii' : 'bytes')
  } catch (thrown) {
    // refused, or nested too deeply for this stack
    if (thrown instanceof SyntaxProblem || thrown instanceof RangeError) return undefined
    throw thrown
  }
}
