/**
 * A request head cut into its parts, for programs that are tried without a socket. In: a head that is well formed, one character a byte. Out: offsets and lengths as
 * the parser in the kernel finds them. Invariant: nothing is checked here; what the kernel's parser would leave to user space is not for this.
 */
export interface CutLine {
  readonly line: number
  readonly name: number
  readonly nameLength: number
  readonly value: number
  /** without blanks at its ends */
  readonly length: number
}

export interface CutHead {
  readonly methodLength: number
  readonly path: number
  /** without query */
  readonly pathLength: number
  /** NOWHERE: none */
  readonly query: number
  readonly queryLength: number
  readonly host: number
  readonly hostLength: number
  readonly lines: readonly CutLine[]
}

const NOWHERE = 0xffff

export function cutHead(head: string): CutHead {
  const methodLength = head.indexOf(' ')
  const path = methodLength + 1
  const end = head.indexOf(' ', path)
  const mark = head.slice(path, end).indexOf('?')
  const lines: CutLine[] = []
  let host: CutLine | undefined
  let at = head.indexOf('\r\n') + 2
  while (!head.startsWith('\r\n', at)) {
    const stop = head.indexOf('\r\n', at)
    const colon = head.indexOf(':', at)
    const raw = head.slice(colon + 1, stop)
    const value = colon + 1 + (/^[ \t]*/.exec(raw)?.[0].length ?? 0)
    const text = raw.replace(/^[ \t]+|[ \t]+$/g, '')
    const line = { line: at, name: at, nameLength: colon - at, value, length: text.length }
    if (head.slice(at, colon).toLowerCase() === 'host') host = line
    else lines.push(line)
    at = stop + 2
  }
  return {
    methodLength,
    path,
    pathLength: mark < 0 ? end - path : mark,
    query: mark < 0 ? NOWHERE : path + mark + 1,
    queryLength: mark < 0 ? 0 : end - path - mark - 1,
    host: host?.value ?? NOWHERE,
    hostLength: host?.length ?? 0,
    lines,
  }
}
