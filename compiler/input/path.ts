/**
 * xDS paths such as cds["a"].load_assignment.endpoints[0]. In: a path; out: its root (`cds["a"]`, `bootstrap`) and the steps below it.
 */

export interface ParsedPath {
  readonly root: string
  readonly steps: readonly (string | number)[]
}

const STEP = /\.([A-Za-z_]\w*)|\.("(?:[^"\\]|\\.)*")|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y
const ROOT = /(?:[A-Za-z_][\w.]*?(?=\["))\["(?:[^"\\]|\\.)*"\]|[A-Za-z_]\w*/y

/** What cannot be read ends the path. */
export function parsePath(path: string): ParsedPath {
  ROOT.lastIndex = 0
  const root = ROOT.exec(path)?.[0] ?? ''
  const steps: (string | number)[] = []
  STEP.lastIndex = root.length
  for (let match = STEP.exec(path); match !== null; match = STEP.exec(path)) {
    const [, name, quotedName, index, key] = match
    if (name !== undefined) steps.push(name)
    else if (index !== undefined) steps.push(Number(index))
    else steps.push(unquote(quotedName ?? key ?? '""'))
  }
  return { root, steps }
}

function unquote(text: string): string {
  try {
    return JSON.parse(text) as string
  } catch {
    return ''
  }
}
