/** Data of a decision as one line of JSON. In: plain data that may hold regexes and big integers. Out: text; a regex is its pattern, what is not set is left out. */
export function showData(value: unknown): string {
  return JSON.stringify(value, (_, held: unknown) => plain(held))
}

/** For JSON output: the same as plain data. */
export function plainData(value: unknown): unknown {
  return JSON.parse(showData(value) ?? 'null') as unknown
}

function plain(held: unknown): unknown {
  if (typeof held === 'bigint') return held.toString()
  if (held instanceof Map) return Object.fromEntries(held)
  if (typeof held === 'object' && held !== null && 'source' in held && 'matches' in held) return held.source
  return held
}
