/**
 * One rule of what Envoy refuses beyond the schema's own rules, or takes although the user surely meant something else. In: a cursor on each message
 * of the rule's types. Out: findings, through the context. A rule never throws on a snapshot, and refuses only what Envoy was seen to refuse.
 */
import type { Code } from '../diag/codes.ts'
import type { Cursor } from '../input/cursor.ts'
import type { Facts } from './facts.ts'

export interface Rule {
  /** full message names; it is asked for every such message in listeners, route configurations, clusters and the bootstrap */
  readonly types: readonly string[]
  check(at: Cursor, context: Context): void
}

export interface Context {
  readonly facts: Facts
  /** a proxy has loaded the resource (config dump): what depends on things outside of it was there */
  readonly loaded: boolean
  /** Envoy does not load the resource */
  refuse(code: Code, path: string, message: string, fix?: string): void
  /** as `refuse`, but for a resource that a proxy has loaded a warning: what it lacks was there, or that Envoy was older */
  refuseUnlessLoaded(code: Code, path: string, message: string, fix?: string): void
  /** as `refuseUnlessLoaded`, for what Envoy sees only when it builds a TLS context: in one that waits for secrets a warning */
  refuseWhenBuilt(code: Code, path: string, message: string): void
  /** Envoy loads it */
  warn(code: Code, path: string, message: string, fix?: string): void
}

export const ROUTE = 'envoy.config.route.v3.'
