/** A sink that lets errors through. In: another sink. Out: one for commands that ask something else of a snapshot than whether it is fine. */
import type { Diagnostics } from './diagnostic.ts'

export function errorsOnly(diag: Diagnostics): Diagnostics {
  return {
    report(diagnostic) {
      if (diagnostic.severity === 'error') diag.report(diagnostic)
    },
    get list() {
      return diag.list
    },
    get failed() {
      return diag.failed
    },
  }
}
