/**
 * A system call or libbpf call that failed. In: what was called and its errno; out: an Error with both, for the caller to turn into a
 * coded error that a user understands. Invariant: `errno` is positive.
 */
import { getSystemErrorName } from 'node:util'

export interface SystemFailure {
  readonly call: string
  readonly errno: number
  /** what was worked on: a map's name, a path */
  readonly subject?: string
  readonly detail?: string
}

export class SystemError extends Error {
  readonly errno: number
  /** "EPERM" and so on */
  readonly code: string
  readonly call: string
  readonly subject: string | undefined

  constructor(failure: SystemFailure) {
    const code = errnoName(failure.errno)
    super(
      `${failure.call}${failure.subject === undefined ? '' : ` of ${failure.subject}`}: ${code}${failure.detail === undefined ? '' : ` (${failure.detail})`}`,
    )
    this.name = 'SystemError'
    this.errno = failure.errno
    this.code = code
    this.call = failure.call
    this.subject = failure.subject
  }
}

function errnoName(errno: number): string {
  if (errno === ENOTSUPP) return 'ENOTSUPP'
  if (errno >= LIBBPF_ERRNO_START) return 'ELIBBPF'
  try {
    return getSystemErrorName(-errno)
  } catch {
    return `errno ${errno}`
  }
}

/** The kernel's internal "not supported", which bpf() lets through to user space. */
const ENOTSUPP = 524
/** From here on they are libbpf's own: the object is not what it reads. */
const LIBBPF_ERRNO_START = 4000

/** Passes a result that is not negative; libbpf and the wrappers here return -errno. */
export function checked(result: number, call: string, subject?: string): number {
  if (result >= 0) return result
  throw new SystemError({ call, errno: -result, ...(subject === undefined ? {} : { subject }) })
}

/** Whether `error` is a failed call with one of these errno names. */
export function isErrno(error: unknown, ...names: readonly string[]): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' && names.includes(error.code)
}
