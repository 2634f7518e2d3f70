/**
 * Diagnostics as text. In: diagnostics with their places, in order; out: four lines each, and how many more there are of a code that is met very often.
 * Invariant: the text of a snapshot cannot move the cursor or start a line of its own.
 */
import type { Code } from './codes.ts'
import type { Diagnostic } from './diagnostic.ts'

export interface TextStyle {
  /** for a terminal */
  readonly colour: boolean
  /** how many of one code are shown; 20 by default */
  readonly most?: number
}

const MOST = 20
const RED = '31'
const YELLOW = '33'
const DIM = '2'
const BOLD = '1'

export function renderText(list: readonly Diagnostic[], style: TextStyle): string {
  const paint = (text: string, ...sgr: readonly string[]) => (style.colour ? `\u001b[${sgr.join(';')}m${text}\u001b[0m` : text)
  const most = style.most ?? MOST
  const counts = new Map<Code, number>()
  const blocks: string[] = []
  for (const one of list) {
    const count = (counts.get(one.code) ?? 0) + 1
    counts.set(one.code, count)
    if (count > most) continue
    const head = `${paint(`${one.severity} ${one.code}`, one.severity === 'error' ? RED : YELLOW, BOLD)}: ${plain(one.message)}`
    const hint = paint(`(kmeshc explain ${one.code})`, DIM)
    const lines = [head]
    if (one.path !== '') lines.push(`  at  ${plain(one.path)}`)
    if (one.file !== undefined) lines.push(`  in  ${plain(position(one))}`)
    lines.push(one.fix === undefined ? `      ${hint}` : `  fix ${plain(one.fix)}      ${hint}`)
    blocks.push(`${lines.join('\n')}\n`)
  }
  const more = [...counts]
    .filter(([, count]) => count > most)
    .map(([code, count]) => `and ${count - most} more ${code} (--json lists all)\n`)
  const totals = summary(list)
  return [...blocks, ...more, ...(totals === '' ? [] : [totals])].join('')
}

/** "2 errors, 1 warning", or nothing for nothing. */
function summary(list: readonly Diagnostic[]): string {
  const count = (severity: Diagnostic['severity']) => list.filter((one) => one.severity === severity).length
  const parts = (['error', 'warning'] as const).flatMap((severity) => {
    const found = count(severity)
    return found === 0 ? [] : [`${found} ${severity}${found === 1 ? '' : 's'}`]
  })
  return parts.length === 0 ? '' : `${parts.join(', ')}\n`
}

function position({ file, line, column }: Diagnostic): string {
  return `${file}${line === undefined ? '' : `:${line}${column === undefined ? '' : `:${column}`}`}`
}

/** Control characters, line ends and direction marks are shown as escapes. */
export function plain(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
