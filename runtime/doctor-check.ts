/**
 * One line of the doctor: what was looked at, whether it is there, and what to do when it is not.
 * Invariant: a check that is not `ok` has a fix; `unknown` means that it could not be tried, and why.
 */
import type { RuntimeCode } from '../proto/codes.ts'
import { runtimeCodes } from '../proto/codes.ts'
import type { Finding } from './coded-error.ts'

export const CHECK_GROUPS = [
  'kernel',
  'privileges',
  'file systems',
  'programs',
  'helpers',
  'tables',
  'sockets',
  'hooks',
  'trust',
  'instances',
] as const
export type CheckGroup = (typeof CHECK_GROUPS)[number]

export type CheckState = 'ok' | 'missing' | 'unknown'

export interface Check {
  readonly group: CheckGroup
  readonly name: string
  /** without a required one nothing works; a recommended one costs a part; information never fails */
  readonly level: 'required' | 'recommended' | 'information'
  readonly state: CheckState
  /** one line: what was found */
  readonly detail: string
  readonly code?: RuntimeCode
  readonly fix?: string
}

export interface Subject {
  readonly group: CheckGroup
  readonly name: string
  readonly level: Check['level']
  /** what it is called in diagnostics when it is not there */
  readonly code: RuntimeCode
  /** other than the code's own */
  readonly fix?: string
}

export function found(subject: Omit<Subject, 'code'>, detail: string): Check {
  const { group, name, level } = subject
  return { group, name, level, state: 'ok', detail }
}

const TRY_AGAIN = 'Run it as root, or with CAP_BPF and CAP_NET_ADMIN and write permission in the cgroup v2 file system.'

export function missing(subject: Subject, detail: string, state: Exclude<CheckState, 'ok'> = 'missing'): Check {
  const fix = subject.fix ?? (state === 'unknown' ? TRY_AGAIN : runtimeCodes[subject.code].fix)
  return { ...subject, state, detail, fix }
}

/** The finding of a check that is not fine; a required one that is missing or could not be tried is an error. */
export function findingOf(check: Check): Finding | undefined {
  if (check.state === 'ok' || check.code === undefined || check.level === 'information') return undefined
  return {
    code: check.code,
    severity: check.level === 'required' ? 'error' : 'warning',
    message: `${check.name}: ${check.detail}`,
    path: '',
    ...(check.fix === undefined ? {} : { fix: check.fix }),
  }
}
