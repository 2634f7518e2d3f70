/**
 * A routing case without what only user space does with requests that are forwarded: so that more of its requests are forwarded by the kernel. In: a case. Out: the same
 * case, without some fields.
 */
import type { JsonObject } from '../oracle/envoy.ts'
import type { RoutingCase } from './routing-case.ts'

const LEFT_OUT = new Set(
  (
    'response_headers_to_add response_headers_to_remove retry_policy request_mirror_policies internal_redirect_policy internal_redirect_action max_internal_redirects ' +
    'include_attempt_count_in_response metadata_match hedge_policy timeout idle_timeout max_stream_duration priority host_rewrite_path_regex'
  )
    .split(' ')
    .map(plain),
)

/** Of the connection manager only its filters stay: most other settings make all requests user space's. */
export function forwardable(one: RoutingCase): RoutingCase {
  const { http_filters } = one.hcm ?? {}
  return {
    ...one,
    id: `${one.id}-f`,
    route_config: without(one.route_config) as JsonObject,
    hcm: http_filters === undefined ? {} : { http_filters },
  }
}

function without(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(without)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !LEFT_OUT.has(plain(key)))
      .map(([key, inner]) => [key, without(inner)]),
  )
}

/** snake_case and lowerCamelCase are the same */
function plain(key: string): string {
  return key.replaceAll('_', '').toLowerCase()
}
