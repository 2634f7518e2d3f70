/**
 * What forms.ts and config-dump.ts find in a document: raw resources, and what is to be said about the envelope. Types only.
 */
import type { Code } from '../diag/codes.ts'
import type { Origin } from './decode.ts'

/** keys and indices from the top of a document */
export type Pointer = readonly (string | number)[]

export interface Found {
  /** full message name; '' when nobody says and the fields do not tell */
  readonly type: string
  readonly value: unknown
  readonly pointer: Pointer
  readonly origin: Origin
  /** what the envelope calls it, where the value has no name of its own */
  readonly name?: string
  /** a second copy of something that is elsewhere in the same dump: used only when that is not there */
  readonly copy?: true
  /** a config dump: the proxy that it was taken of has loaded it */
  readonly loaded?: true
}

export interface Finding {
  readonly code: Code
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly pointer: Pointer
}

export interface Forms {
  readonly found: Found[]
  readonly findings: Finding[]
}
