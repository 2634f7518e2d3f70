/**
 * envoy.config.cluster.v3.CircuitBreakers. In: its cursor. Out: how many connections the cluster may have, and what cannot be enforced.
 * Source: circuit_breaker.proto; tried: without thresholds 1,024; the first threshold of the default priority counts; max_pending_requests 0
 * refuses every TCP connection; the other limits are for HTTP requests.
 */
import type { Cursor } from '../input/cursor.ts'
import { clusterAccounts } from './accounts.ts'
import type { Divert } from './resources.ts'

const DEFAULT_CONNECTIONS = 1024
const account = clusterAccounts.for('thresholds', 'per_host_thresholds')
const accountThreshold = clusterAccounts.for('priority', 'max_connections')

export interface CircuitBreakers {
  readonly maxConnections: number
  readonly divert: Divert | undefined
}

export function readCircuitBreakers(at: Cursor | undefined): CircuitBreakers {
  if (at === undefined) return { maxConnections: DEFAULT_CONNECTIONS, divert: undefined }
  let [divert] = account(at)
  let maxConnections: number | undefined
  for (const threshold of at.messages('thresholds')) {
    if ((threshold.enum('priority') ?? 'DEFAULT') !== 'DEFAULT') {
      threshold.markAll('equivalent', 'connections have the default priority')
    } else if (maxConnections !== undefined) {
      threshold.markAll('equivalent', 'the first threshold of the default priority counts')
    } else {
      const [unknown] = accountThreshold(threshold)
      divert ??= unknown
      maxConnections = threshold.number('max_connections') ?? DEFAULT_CONNECTIONS
      if (threshold.has('max_pending_requests') && threshold.number('max_pending_requests') === 0) maxConnections = 0
      else threshold.mark('max_pending_requests', 'ignored-safe', 'no connection waits for another: it limits nothing unless it is 0')
    }
  }
  if (at.messages('per_host_thresholds').length > 0) {
    at.mark('per_host_thresholds', 'diverted', 'limits of each endpoint')
    divert ??= { path: at.at('per_host_thresholds'), why: 'limits of each endpoint (per_host_thresholds)' }
  }
  return { maxConnections: maxConnections ?? DEFAULT_CONNECTIONS, divert }
}
