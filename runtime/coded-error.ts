/**
 * What the runtime tells its user. In: a code of proto/codes.ts, one line in the user's words, optionally a fix for this very case and the
 * xDS path that it is about. Out: an Error that commands print, or a warning that they list. Invariant: everything a user can cause or repair is one of these; any
 * other exception is a bug of ours.
 */
import { type RuntimeCode, runtimeCodes } from '../proto/codes.ts'

export interface Finding {
  readonly code: RuntimeCode
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly fix?: string
  readonly path: string
}

export class CodedError extends Error {
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(findings.map((finding) => `${finding.code}: ${finding.message}`).join('\n'))
    this.name = 'CodedError'
    this.findings = findings
  }
}

export interface FindingDetail {
  readonly path?: string
  readonly fix?: string
}

/** An error to throw. */
export function coded(code: RuntimeCode, message: string, detail: FindingDetail = {}): CodedError {
  return new CodedError([finding('error', code, message, detail)])
}

/** A warning to list. */
export function warning(code: RuntimeCode, message: string, detail: FindingDetail = {}): Finding {
  return finding('warning', code, message, detail)
}

function finding(severity: Finding['severity'], code: RuntimeCode, message: string, detail: FindingDetail): Finding {
  return { code, severity, message, path: detail.path ?? '', fix: detail.fix ?? runtimeCodes[code].fix }
}
