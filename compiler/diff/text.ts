/** A difference for a terminal. In: a Difference. Out: text; with colours where asked for. */
import { plain } from '../diag/render.ts'
import { blastRows } from './blast-lines.ts'
import type { Difference, SideName } from './diff.ts'
import { changeLines, countText, type Line } from './lines.ts'

const COLOURS: Readonly<Record<Line['sign'], string>> = { '+': '32', '-': '31', '~': '33', '>': '36' }
const BOLD = '1'
const DIM = '2'

export function diffText(difference: Difference, style: { readonly colour: boolean }): string {
  const paint = (text: string, sgr: string): string => (style.colour ? `\u001b[${sgr}m${text}\u001b[0m` : text)
  const { old, new: now, changes, blast, same } = difference
  const head = [`${paint('old', BOLD)}  ${sideText(old)}`, `${paint('new', BOLD)}  ${sideText(now)}`]
  if (same) return `${[...head, 'same'].join('\n')}\n`
  const lines = changeLines(changes).map(({ sign, depth, text }) => paint(`${'  '.repeat(depth)}${sign} ${text}`, COLOURS[sign]))
  const rows = blastRows(blast)
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    ...head,
    ...(lines.length === 0 ? [] : ['', ...lines]),
    '',
    paint(countText(changes), BOLD),
    paint('blast radius', BOLD),
    ...rows.map(([name, text]) => `  ${paint(name.padEnd(width), DIM)}  ${text}`),
    '',
  ].join('\n')
}

export function sideText({ name, form, digest }: SideName): string {
  return `${plain(name)} (${form}${digest === undefined ? '' : ` ${digest.slice(0, 19)}`})`
}
