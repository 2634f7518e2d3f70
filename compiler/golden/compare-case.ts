/**
 * A case of a golden directory against its blessed files. In: files as they are now, and as they were blessed. Out: what became of each, in order of name.
 */
import { type DiffLine, lineDiff } from './line-diff.ts'

export interface FileResult {
  readonly file: string
  /** missing: never blessed; stale: blessed, and nothing makes it now */
  readonly state: 'same' | 'different' | 'missing' | 'stale'
  readonly diff: readonly DiffLine[]
}

export function compareCase(blessed: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): readonly FileResult[] {
  const names = [...new Set([...blessed.keys(), ...now.keys()])].sort()
  return names.map((file) => {
    const [old, text] = [blessed.get(file), now.get(file)]
    if (text === undefined) return { file, state: 'stale', diff: [] }
    if (old === undefined) return { file, state: 'missing', diff: [] }
    return old === text ? { file, state: 'same', diff: [] } : { file, state: 'different', diff: lineDiff(old, text) }
  })
}
