/**
 * Request-smuggling cases and what came of one. Types, and the cases themselves (cases.json: the published families, one character a byte; every piece of `send` is a write of
 * its own, "{{x*500}}" in it is 500 times x). A target is a proxy with the routes of `targetRoutes`: everything under /admin and the whole host denied.example is refused, /moved is redirected, all
 * else goes to one upstream.
 */
import { readFileSync } from 'node:fs'
import type { JsonObject } from '../oracle/envoy.ts'

export interface SmugglingCase {
  readonly id: string
  readonly family: string
  readonly send: readonly string[]
  /** "METHOD path" that may come through although it does not with Envoy, which ends the connection behind a pipelined request that it refused */
  readonly harmless?: string
}

/** What reached the upstream behind a target, in order, and what the client saw. */
export interface SmugglingOutcome {
  readonly reached: readonly ReachedRequest[]
  /** status codes in order */
  readonly statuses: readonly number[]
  readonly closed: 'by_target' | 'open'
}

export interface ReachedRequest {
  readonly method: string
  readonly path: string
  readonly host: string
  /** one character a byte */
  readonly body: string
}

export function readCases(): readonly SmugglingCase[] {
  const cases = JSON.parse(readFileSync(new URL('./cases.json', import.meta.url), 'utf8')) as readonly SmugglingCase[]
  return cases.map((one) => ({ ...one, send: one.send.map(expanded) }))
}

function expanded(text: string): string {
  return text.replace(/\{\{(.)\*(\d+)\}\}/gs, (_, character: string, times: string) => character.repeat(Number(times)))
}

export function targetRoutes(cluster: string): JsonObject {
  const denied = { status: 403, body: { inline_string: 'denied' } }
  return {
    name: 'smuggling',
    virtual_hosts: [
      {
        name: 'denied',
        domains: ['denied.example', 'denied.example:*', '*.denied.example'],
        routes: [{ match: { prefix: '' }, direct_response: denied }],
      },
      {
        name: 'open',
        domains: ['*'],
        routes: [
          { match: { prefix: '/admin' }, direct_response: denied },
          { match: { prefix: '/moved' }, redirect: { path_redirect: '/open' } },
          { match: { prefix: '/' }, route: { cluster } },
        ],
      },
    ],
  }
}

/** Whether a request should never have come through. A colon without a port is no part of any domain of `targetRoutes`. */
export function isDenied({ path, host }: ReachedRequest): boolean {
  return path.startsWith('/admin') || /^(?:.*\.)?denied\.example(?::.+)?$/i.test(host)
}

/** What came through us and not through the other one; [] where we are no more permissive. */
export function moreThan(ours: readonly ReachedRequest[], others: readonly ReachedRequest[], harmless?: string): readonly ReachedRequest[] {
  const left = others.map(textOf)
  return ours.filter((one) => {
    const at = left.indexOf(textOf(one))
    if (at >= 0) left.splice(at, 1)
    return at < 0 && `${one.method} ${one.path}` !== harmless
  })
}

function textOf({ method, path, host, body }: ReachedRequest): string {
  return JSON.stringify([method, path, host, body])
}
