/**
 * Tests that live beside a configuration, as data: requests with what routing must make of them, and dials with what the kernel must. In: nothing. Out: the types that
 * read-tests.ts fills and run-tests.ts takes.
 */
import type { RequestLine } from '../http/request.ts'

/** Where it stands in its file; 1-based. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

export type RouteTest = RequestTest | DialTest

export interface RequestTest {
  readonly kind: 'request'
  readonly name: string
  readonly place: Place
  readonly request: RequestLine
  /** start at this route configuration, under a default connection manager */
  readonly routeConfig?: string
  readonly expect: Readonly<Record<string, Expected>>
}

export interface DialTest {
  readonly kind: 'dial'
  readonly name: string
  readonly place: Place
  readonly dial: {
    readonly protocol: 'tcp' | 'udp'
    /** an IP address as text */
    readonly address: string
    readonly port: number
    readonly source?: string
    readonly socket?: 'v4' | 'v6' | 'v6only'
  }
  readonly expect: Readonly<Record<string, Expected>>
}

/** A text, number or null (there must be none); a list: any of them; for headers and shares a map. */
export type Expected =
  | string
  | number
  | null
  | readonly (string | number | null)[]
  | Readonly<Record<string, string | number | null | readonly string[]>>

/** What a request test may expect: the fields of a line that `kmeshc trace --batch` writes. */
export const REQUEST_FIELDS = [
  'outcome',
  'lane',
  'virtual_host',
  'route',
  'cluster',
  'path',
  'authority',
  'status',
  'location',
  'body',
  'reason',
  'request_headers',
  'response_headers',
] as const
/** What a dial test may expect. */
export const DIAL_FIELDS = ['outcome', 'listener', 'cluster', 'clusters', 'endpoints', 'shares', 'reason'] as const

export interface Failure {
  readonly field: string
  readonly expected: string
  readonly actual: string
}
