/**
 * What Envoy says has gone wrong with a request. In: its response code detail. Out: the response flag, short or long; undefined where nothing has.
 * Source: Envoy's source/common/stream_info/utility.cc (CORE_RESPONSE_FLAGS), router/router.cc; which detail has which flag was tried on Envoy 1.40.
 */

/** `when`: some flags are set only when the answer is already made, and formats of its body do not see them */
export function responseFlag(
  details: string | undefined,
  form: 'short' | 'long',
  when: 'in formats' | 'at the end' = 'in formats',
): string | undefined {
  if (details === undefined) return undefined
  const flag = flagOf(details)
  if (flag === undefined || (when === 'in formats' && flag.late === true)) return undefined
  return flag[form]
}

interface Flag {
  readonly short: string
  readonly long: string
  readonly late?: true
}

const NO_CONNECTION: Flag = { short: 'UF', long: 'UpstreamConnectionFailure' }

function flagOf(details: string): Flag | undefined {
  const brace = details.indexOf('{')
  const name = brace < 0 ? details : details.slice(0, brace)
  return name === 'upstream_reset_before_response_started' ? RESETS.get(details.slice(brace + 1, -1)) : FLAGS.get(name)
}

const FLAGS: ReadonlyMap<string, Flag> = new Map<string, Flag>([
  ['route_not_found', { short: 'NR', long: 'NoRouteFound' }],
  ['cluster_not_found', { short: 'NC', long: 'NoClusterFound' }],
  ['fault_filter_abort', { short: 'FI', long: 'FaultInjected' }],
  ['local_rate_limited', { short: 'RL', long: 'RateLimited', late: true }],
  ['request_headers_failed_strict_check', { short: 'IH', long: 'InvalidEnvoyRequestHeaders' }],
  ['filter_removed_required_request_headers', { short: 'DPE', long: 'DownstreamProtocolError' }],
  ['no_healthy_upstream', { short: 'UH', long: 'NoHealthyUpstream' }],
  ['response_timeout', { short: 'UT', long: 'UpstreamRequestTimeout' }],
  ['upstream_per_try_timeout', { short: 'UT', long: 'UpstreamRequestTimeout' }],
  ['stream_idle_timeout', { short: 'SI', long: 'StreamIdleTimeout' }],
])

/** by the reason of the reset */
const RESETS: ReadonlyMap<string, Flag> = new Map<string, Flag>([
  ['remote_connection_failure', NO_CONNECTION],
  ['connection_timeout', NO_CONNECTION],
  ['connection_termination', { short: 'UC', long: 'UpstreamConnectionTermination' }],
  ['overflow', { short: 'UO', long: 'UpstreamOverflow' }],
  ['protocol_error', { short: 'UPE', long: 'UpstreamProtocolError' }],
])
