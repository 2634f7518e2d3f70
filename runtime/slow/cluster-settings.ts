/**
 * What a cluster asks of whoever sends requests, beside its endpoints. In: the decoded clusters. Out: settings by name, read when first asked for.
 * Source: Envoy's cluster.proto, circuit_breaker.proto, http_protocol_options.proto (upstreams).
 */
import type { Cursor } from '../../compiler/input/cursor.ts'
import type { Resource } from '../../compiler/input/resource.ts'

export interface ClusterSettings {
  /** milliseconds */
  readonly connectTimeout: number
  /** by priority of the route */
  readonly limits: Readonly<Record<'DEFAULT' | 'HIGH', Limits>>
  /** upstreams speak HTTP/2 only */
  readonly http2: boolean
  /** of one connection; 0: no limit */
  readonly mostRequests: number
  /** milliseconds; 0: no limit */
  readonly idle: number
}

export interface Limits {
  readonly requests: number
  readonly retries: number
}

/** Envoy's circuit breakers where nothing is set */
const LIMITS: Limits = { requests: 1024, retries: 3 }
const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

export function createClusterSettings(resources: readonly Resource[]): (name: string) => ClusterSettings {
  const cursors = new Map(
    resources.flatMap(({ kind, name, cursor }) => (kind === 'cds' && cursor !== undefined ? [[name, cursor] as const] : [])),
  )
  const known = new Map<string, ClusterSettings>()
  return (name) => {
    const held = known.get(name)
    if (held !== undefined) return held
    const made = readSettings(cursors.get(name))
    known.set(name, made)
    return made
  }
}

function readSettings(at: Cursor | undefined): ClusterSettings {
  const options = at?.map('typed_extension_protocol_options').find(([, config]) => config.type === OPTIONS && config.known)?.[1]
  const common = options?.message('common_http_protocol_options') ?? at?.message('common_http_protocol_options')
  const thresholds = at?.message('circuit_breakers')?.messages('thresholds') ?? []
  const limits = (priority: 'DEFAULT' | 'HIGH'): Limits => {
    const own = thresholds.find((one) => (one.enum('priority') ?? 'DEFAULT') === priority)
    return { requests: own?.number('max_requests') ?? LIMITS.requests, retries: own?.number('max_retries') ?? LIMITS.retries }
  }
  return {
    connectTimeout: at?.duration('connect_timeout') ?? 5000,
    limits: { DEFAULT: limits('DEFAULT'), HIGH: limits('HIGH') },
    http2: at?.has('http2_protocol_options') === true || options?.message('explicit_http_config')?.has('http2_protocol_options') === true,
    mostRequests: common?.number('max_requests_per_connection') ?? at?.number('max_requests_per_connection') ?? 0,
    idle: common?.duration('idle_timeout') ?? 3_600_000,
  }
}
