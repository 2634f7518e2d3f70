/**
 * Two texts -> the lines in which they differ. In: blessed and present text. Out: lines with a sign and a little context, "@" before each place. Common beginnings and
 * ends are skipped first; a middle that is too long for an exact comparison is shown as removed and added whole.
 */

export interface DiffLine {
  readonly sign: '+' | '-' | ' ' | '@'
  readonly text: string
}

const CONTEXT = 2
/** lines of one side times lines of the other */
const MOST_CELLS = 4_000_000

export function lineDiff(old: string, now: string): readonly DiffLine[] {
  if (old === now) return []
  const [before, after] = [linesOf(old), linesOf(now)]
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let end = 0
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end++
  const middle = edits(before.slice(start, before.length - end), after.slice(start, after.length - end))
  const same = (lines: readonly string[]): readonly DiffLine[] => lines.map((text) => ({ sign: ' ', text }))
  return withContext([...same(before.slice(0, start)), ...middle, ...same(before.slice(before.length - end))])
}

const linesOf = (text: string): readonly string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

function edits(old: readonly string[], now: readonly string[]): readonly DiffLine[] {
  const removed = (text: string): DiffLine => ({ sign: '-', text })
  const added = (text: string): DiffLine => ({ sign: '+', text })
  if (old.length * now.length > MOST_CELLS) return [...old.map(removed), ...now.map(added)]
  const width = now.length + 1
  const longest = new Uint32Array((old.length + 1) * width)
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      longest[i * width + j] =
        old[i] === now[j]
          ? (longest[(i + 1) * width + j + 1] as number) + 1
          : Math.max(longest[(i + 1) * width + j] as number, longest[i * width + j + 1] as number)
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ sign: ' ', text: old[i++] as string })
      j++
    } else if (j >= now.length || (i < old.length && (longest[(i + 1) * width + j] as number) >= (longest[i * width + j + 1] as number)))
      lines.push(removed(old[i++] as string))
    else lines.push(added(now[j++] as string))
  }
  return lines
}

function withContext(lines: readonly DiffLine[]): readonly DiffLine[] {
  const near = new Set<number>()
  for (const [index, { sign }] of lines.entries())
    if (sign !== ' ') for (let at = index - CONTEXT; at <= index + CONTEXT; at++) near.add(at)
  const shown: DiffLine[] = []
  let [oldLine, gap] = [1, true]
  for (const [index, line] of lines.entries()) {
    if (!near.has(index)) gap = true
    else {
      if (gap) shown.push({ sign: '@', text: `line ${oldLine}` })
      gap = false
      shown.push(line)
    }
    if (line.sign !== '+') oldLine++
  }
  return shown
}
