/**
 * Where an xDS path stands in a snapshot. In: a path as diagnostics, coverage and artifacts print it, and the files of the snapshot. Out: file, line and
 * column (from 1) of the deepest part that is written there. Findings about the rest of the snapshot do not matter here, unless nothing was found.
 */
import type { Diagnostic } from './diag/diagnostic.ts'
import type { Place } from './diag/place.ts'
import { createDiagnostics } from './diag/sink.ts'
import { parsePath } from './input/path.ts'
import { type Input, readInput } from './input/read.ts'
import type { Source } from './input/text.ts'

/** proto/locate.schema.json */
export interface Located {
  readonly path: string
  readonly position?: Place
  readonly diagnostics: readonly Diagnostic[]
}

const LAST_STEP = /(?:\.[A-Za-z_]\w*|\."(?:[^"\\]|\\.)*"|\[\d+\]|\["(?:[^"\\]|\\.)*"\])$/
const SHOWN = 5

export function locatePath(path: string, sources: readonly Source[]): Located {
  const diag = createDiagnostics()
  const input = readInput(sources, diag)
  const position = input.locate(path)
  if (position === undefined)
    return { path, diagnostics: [...diag.list.filter(({ severity }) => severity === 'error'), missing(path, input)] }
  const written = writtenPart(path, input)
  return { path, position, diagnostics: written === path ? [] : [partly(path, written)] }
}

/** The longest beginning of the path that has a place of its own: what is not written has that of its parent. */
function writtenPart(path: string, input: Input): string {
  let part = path
  while (parsePath(part).steps.length > 0) {
    const parent = part.replace(LAST_STEP, '')
    if (parent === part) return part
    const [own, above] = [input.locate(part), input.locate(parent)]
    if (own?.line !== above?.line || own?.column !== above?.column) return part
    part = parent
  }
  return part
}

function partly(path: string, written: string): Diagnostic {
  return {
    code: 'KM1804',
    severity: 'warning',
    message: `the snapshot has ${written}, without ${path.slice(written.length).replace(/^\./, '')}`,
    path,
  }
}

function missing(path: string, input: Input): Diagnostic {
  const kind = /^[a-z]+/.exec(path)?.[0]
  const alike = input.resources.filter((resource) => resource.kind === kind).map((resource) => resource.path)
  const there = alike.slice(0, SHOWN).join(', ') + (alike.length > SHOWN ? ` and ${alike.length - SHOWN} more` : '')
  const fix =
    alike.length === 0
      ? 'begin the path with lds, cds, eds or rds and a name in brackets, for instance cds["reviews"]'
      : `the snapshot has ${there}`
  return {
    code: 'KM1803',
    severity: 'error',
    message: `${/^[\x20-\x7e]+$/.test(path) ? path : JSON.stringify(path)} is not in the snapshot`,
    fix,
    path: '',
  }
}
