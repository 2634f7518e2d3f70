/**
 * CONTRACT of the HTTP filters that are understood: one filter, one file. `read` takes a filter's configuration, of the connection manager or of a route, as
 * plain data (regexes apart); `decide` says what the filter does to a request before it is routed. What a filter does not decide from the request alone, it
 * lets pass, and says so.
 */
import type { HeaderAddition, Outcome } from '../http/model.ts'
import type { HeaderPair, HttpRequest } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'

export type FilterRule = Readonly<Record<string, unknown>>

export interface HttpFilter<Rule extends FilterRule> {
  /** full names of its configuration messages */
  readonly types: readonly string[]
  read(at: Cursor): Rule
  /** for a filter that takes what one level does not say from the next one, which is less specific */
  inherit?(rule: Rule, from: Rule): Rule
  /** `path`: of the configuration that the rule was read from */
  decide(rule: Rule, request: HttpRequest, target: FilterTarget & { readonly path: string }): Verdict
}

/** What is known of the route. */
export interface FilterTarget {
  readonly cluster: string | undefined
  /** it forwards: no redirect, no direct response */
  readonly forwards: boolean
  /** whether another filter may have set dynamic metadata */
  readonly metadata: 'none' | 'unknown'
  /** of a request that is really served; without it nothing is drawn, delayed or limited */
  readonly live?: LiveState
}

/** What only whoever serves requests has. */
export interface LiveState {
  /** a new number of [0, 1) for each draw */
  random(): number
  /** takes a token of the bucket of the configuration at this path; false: there is none */
  takeToken(path: string, bucket: TokenBucket): boolean
}

export interface TokenBucket {
  readonly maxTokens: number
  readonly tokensPerFill: number
  /** milliseconds */
  readonly fillInterval: number
}

export type Verdict =
  /** `responseHeaders` are added to the answer; `delay`: milliseconds that the request waits first */
  | { readonly kind: 'pass'; readonly responseHeaders?: readonly HeaderPair[]; readonly delay?: number }
  /** it may do something that cannot be told here */
  | { readonly kind: 'open'; readonly why: string }
  | {
      readonly kind: 'answer'
      readonly outcome: Extract<Outcome, 'deny' | 'direct_response'>
      readonly status: number
      readonly body: string
      readonly grpcStatus?: number
      /** Envoy's response code detail */
      readonly reason: string
      readonly responseHeaders?: readonly HeaderPair[]
      /** behind those of the route */
      readonly add?: readonly HeaderAddition[]
      /** the route's response headers are left out */
      readonly bare?: true
      readonly delay?: number
    }

export const PASS: Verdict = { kind: 'pass' }
