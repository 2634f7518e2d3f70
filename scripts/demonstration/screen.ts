/** What the demo looks like. In: texts; out: lines on standard output, with colours only on a terminal that wants them. */
const colourful = process.stdout.isTTY && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb'

function painted(code: number, text: string): string {
  return colourful ? `\x1b[${code}m${text}\x1b[0m` : text
}

export const bold = (text: string): string => painted(1, text)
export const dim = (text: string): string => painted(2, text)
export const green = (text: string): string => painted(32, text)
export const red = (text: string): string => painted(31, text)

let steps = 0

/** A numbered heading. */
export function step(title: string): void {
  steps++
  process.stdout.write(`\n${bold(`${steps}. ${title}`)}\n`)
}

/** A command as the user would type it. */
export function shown(commandLine: string): void {
  process.stdout.write(`   ${dim('$')} ${commandLine}\n`)
}

export function say(text: string): void {
  process.stdout.write(text === '' ? '\n' : text.replace(/^(?=.)/gm, '   ').replace(/\n?$/, '\n'))
}

/** Rows with columns to their widest cell: the first to the left, the rest to the right; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  for (const [index, cells] of rows.entries()) {
    const line = cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')
    process.stdout.write(`   ${index === 0 ? dim(line.trimEnd()) : line.trimEnd()}\n`)
  }
}
