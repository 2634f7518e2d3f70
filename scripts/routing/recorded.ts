/**
 * Cases with what Envoy did, in the form in which recordings are kept: one JSON object a line. In: a case and its verdict. Out: the case with `outcomes`, or
 * with the `error` that Envoy refused it with. Invariant: texts of the wire are UTF-8 again; what an upstream saw is there only where there was one.
 */
import type { RoutingCase, RoutingOutcome, Verdict } from './routing-case.ts'

export type RecordedCase = RoutingCase & ({ readonly outcomes: readonly RecordedOutcome[] } | { readonly error: string })

export interface RecordedOutcome {
  readonly status: number | null
  readonly details?: string
  readonly route: string | null
  readonly cluster: string | null
  readonly upstream_path?: string
  readonly upstream_host?: string
  readonly upstream_headers?: readonly (readonly [name: string, value: string])[]
  readonly location?: string
  readonly body?: string
  readonly response_headers: readonly (readonly [name: string, value: string])[]
}

export function toRecorded(one: RoutingCase, verdict: Verdict): RecordedCase {
  return verdict.kind === 'refused' ? { ...one, error: verdict.error } : { ...one, outcomes: verdict.outcomes.map(toOutcome) }
}

function toOutcome({ status, details, route, upstream, location, body, response_headers }: RoutingOutcome): RecordedOutcome {
  return {
    status: status ?? null,
    ...(details !== undefined && { details }),
    route: route ?? null,
    cluster: upstream?.cluster ?? null,
    ...(upstream === undefined
      ? { body: utf8(body) }
      : {
          upstream_path: utf8(upstream.path),
          upstream_host: utf8(upstream.authority),
          upstream_headers: upstream.headers.map(([name, value]) => [name, utf8(value)] as const),
        }),
    ...(location !== undefined && { location: utf8(location) }),
    response_headers: response_headers.map(([name, value]) => [name, utf8(value)] as const),
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
