/**
 * Diagnostics made ready to be shown. In: findings in the order of reporting, and where paths stand in the text; out: the same, each with its place
 * and its fix, ordered by file, line and column. Invariant: none is lost, and the order does not depend on the order of reporting.
 */
import { codes } from './codes.ts'
import type { Diagnostic } from './diagnostic.ts'

/** In a binary response the line is 1, and the column is the byte, from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** file, line and column (from 1) of an xDS path, as far as it is in the text */
export type Locate = (path: string) => Place | undefined

export function placed(list: readonly Diagnostic[], locate: Locate): readonly Diagnostic[] {
  return list.map((one) => complete(one, locate)).sort(inOrder)
}

function complete(one: Diagnostic, locate: Locate): Diagnostic {
  const { code, severity, message, path } = one
  const place = one.file === undefined ? (path === '' ? undefined : locate(path)) : one
  const { file, line, column } = place ?? {}
  return {
    code,
    severity,
    message,
    fix: one.fix ?? advice(codes[code].fix),
    path,
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
    ...(column !== undefined && { column }),
  }
}

/** The table holds sentences; a line of a diagnostic is none. */
function advice(fix: string): string {
  const first = fix.slice(0, 2)
  return (/^[A-Z][a-z ]/.test(first) ? fix.charAt(0).toLowerCase() + fix.slice(1) : fix).replace(/\.$/, '')
}

function inOrder(a: Diagnostic, b: Diagnostic): number {
  return (
    compare(a.file ?? '\uffff', b.file ?? '\uffff') ||
    (a.line ?? 0) - (b.line ?? 0) ||
    (a.column ?? 0) - (b.column ?? 0) ||
    compare(a.path, b.path) ||
    compare(a.code, b.code) ||
    compare(a.message, b.message)
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
