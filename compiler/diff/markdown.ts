/**
 * A difference for a pull request. In: a Difference. Out: GitHub's Markdown: a heading, the blast radius as a table, the changes as a `diff` block, folded when it is long.
 * Invariant: names of a snapshot cannot leave the block or the cell that they stand in; the whole fits in one comment.
 */
import { blastRows } from './blast-lines.ts'
import type { Difference } from './diff.ts'
import { changeLines, countText, type Line } from './lines.ts'
import { sideText } from './text.ts'

/** a comment may have 65,536 characters */
const MOST_CHARACTERS = 55_000
const OPEN_LINES = 40

/** GitHub colours lines of a diff by their first sign. */
const SIGNS: Readonly<Record<Line['sign'], string>> = { '+': '+', '-': '-', '~': '!', '>': '#' }

export function diffMarkdown(difference: Difference): string {
  const { old, new: now, changes, blast, same } = difference
  const sides = `${code(sideText(old))} → ${code(sideText(now))}`
  if (same) return `### Mesh configuration: no change\n\n${sides}\n`
  const table = ['| blast radius | |', '|---|---|', ...blastRows(blast).map(([name, text]) => `| ${name} | ${cell(text)} |`)]
  return [`### Mesh configuration: ${countText(changes)}`, '', sides, '', ...table, '', ...changeBlock(difference), ''].join('\n')
}

function changeBlock({ changes }: Difference): readonly string[] {
  const all = changeLines(changes).map(({ sign, depth, text }) => `${SIGNS[sign]} ${'  '.repeat(depth)}${text}`)
  if (all.length === 0) return []
  let room = MOST_CHARACTERS
  const lines = all.filter((line) => {
    room -= line.length + 1
    return room > 0
  })
  const more = all.length - lines.length
  const longest = Math.max(0, ...lines.flatMap((line) => [...line.matchAll(/`+/g)].map(([run]) => run.length)))
  const fence = '`'.repeat(Math.max(3, longest + 1))
  const block = [`${fence}diff`, ...lines, ...(more === 0 ? [] : [`# and ${more} more lines: kmeshc diff shows them`]), fence]
  return all.length <= OPEN_LINES ? block : ['<details><summary>All changes</summary>', '', ...block, '', '</details>']
}

function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return longest === 0 ? `${fence}${text}${fence}` : `${fence} ${text} ${fence}`
}

/** Plain words in a cell: what Markdown or HTML would read as more is escaped. */
function cell(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|~#@]/g, (letter) =>
    letter === '<' ? '&lt;' : letter === '>' ? '&gt;' : letter === '@' ? '@\u200b' : `\\${letter}`,
  )
}
