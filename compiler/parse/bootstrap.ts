/**
 * What is left of a bootstrap without its static resources. In: its cursor. Out: warnings for settings of the process that change the meaning of
 * listeners and clusters and are not applied here; everything else is classified by fates-rest.ts.
 * Source: Envoy's documentation of runtime keys (circuit breakers, upstream, connection limits) and of zone aware routing.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'

const MEANINGFUL =
  /^(circuit_breakers\.|upstream\.(healthy_panic_threshold|zone_routing|weight_enabled|use_http)|envoy\.resource_limits\.listener\.|overload\.global_downstream_max_connections)/

export function readBootstrap(at: Cursor, diag: Diagnostics): void {
  const manager = at.message('cluster_manager')
  for (const field of manager?.fields() ?? []) {
    if (field !== 'local_cluster_name') manager?.mark(field, 'ignored-safe', 'settings of the proxy process')
  }
  if (manager?.has('local_cluster_name') === true) {
    manager.mark('local_cluster_name', 'ignored-safe', 'routing by zone is not done: endpoints of all zones share the load')
    diag.report({
      code: 'KM1317',
      severity: 'warning',
      path: manager.at('local_cluster_name'),
      message: 'with local_cluster_name Envoy prefers endpoints of its own zone; here all zones share the load',
      fix: 'use locality priorities or weights where the zone matters',
    })
  }
  const runtime = at.message('layered_runtime')
  for (const layer of runtime?.messages('layers') ?? []) {
    const keys = runtimeKeys(layer.raw('static_layer'))
    layer.markAll('ignored-safe', 'runtime settings of the proxy process')
    const found = keys.filter((key) => MEANINGFUL.test(key)).sort()
    if (found.length === 0) continue
    layer.mark('static_layer', 'diverted', 'some runtime keys change limits, which is not applied')
    diag.report({
      code: 'KM1318',
      severity: 'warning',
      path: layer.at('static_layer'),
      message: `runtime keys that change limits or load balancing are not applied: ${found.join(', ')}`,
      fix: 'write the values into the clusters and listeners themselves',
    })
  }
}

/** Full names; a runtime layer may be flat ("a.b": 1) or nested. */
function runtimeKeys(value: unknown, prefix = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return prefix === '' ? [] : [prefix]
  return Object.entries(value).flatMap(([key, inner]) => runtimeKeys(inner, prefix === '' ? key : `${prefix}.${key}`))
}
