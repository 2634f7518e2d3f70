/**
 * What the compiler tells the user: in, findings of any phase; out, an ordered list. Nothing is thrown on user input.
 * A path names the place by resource name (`cds["a"].load_assignment...`), never by file position; positions are
 * found from it when a diagnostic is printed (input/position.ts).
 */
import type { Code } from './codes.ts'

export type Severity = 'error' | 'warning'

export interface Diagnostic {
  readonly code: Code
  readonly severity: Severity
  /** One line in the user's words, quoting the value. */
  readonly message: string
  /** What to do about it; every error has one. */
  readonly fix?: string
  /** xDS path by resource name, or '' where the whole input is meant. */
  readonly path: string
  /** Filled when printed. 1-based. */
  readonly file?: string
  readonly line?: number
  readonly column?: number
}

/** Where phases put findings. `failed` is true once an error was reported. */
export interface Diagnostics {
  report(diagnostic: Diagnostic): void
  readonly list: readonly Diagnostic[]
  readonly failed: boolean
}
