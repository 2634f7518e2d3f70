/** Quantities as people read them. In: numbers in bytes, milliseconds, pieces; out: short texts. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'] as const
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

export function timeText(milliseconds: number): string {
  const text =
    milliseconds >= 1000
      ? `${(milliseconds / 1000).toFixed(2)} s`
      : milliseconds >= 1
        ? `${milliseconds.toFixed(1)} ms`
        : `${(milliseconds * 1000).toFixed(0)} us`
  return text.padStart(9)
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

/** "3 overflow, 1 connect_failed"; '' when there are none. */
export function failuresText(failures: Readonly<Record<string, number>>): string {
  return Object.entries(failures)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ')
}

/** Columns padded to the widest cell; the first is text, numbers are right-aligned. */
export function tableText(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows.map((row) => row.map(String))]
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  const numeric = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'))
  return cells
    .map((row) =>
      row
        .map((cell, column) => (numeric[column] ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
