/**
 * Collects the findings of all phases. In: diagnostics in any order; out: the list in order of reporting (sorting is the printer's work).
 * Invariant: nothing is dropped, apart from an exact repetition of code, place and message.
 */
import type { Diagnostic, Diagnostics } from './diagnostic.ts'

export function createDiagnostics(): Diagnostics {
  const list: Diagnostic[] = []
  const seen = new Set<string>()
  let failed = false
  return {
    report(diagnostic) {
      const { code, path, message, file, line, column } = diagnostic
      const key = [code, path, message, file, line, column].join('\0')
      if (seen.has(key)) return
      seen.add(key)
      list.push(diagnostic)
      if (diagnostic.severity === 'error') failed = true
    },
    list,
    get failed() {
      return failed
    },
  }
}
