/**
 * What is left of a bootstrap without its static resources. In: its cursor. Out: warnings for settings of the process that change the meaning of
 * listeners and clusters and are not applied here; everything else is classified by fates-rest.ts.
 * Source: Envoy's documentation of runtime keys (circuit breakers, upstream, connection limits) and of zone aware routing.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'

const MEANINGFUL =
  /^(circuit_breakers\.|upstream\.(healthy_panic_threshold|zone_routing|weight_enabled|use_http)|envoy\.resource_limits\.listener\.|overload\.global_downstream_max_connections)/

/**
 * Features of Envoy 1.40 that change how requests are routed or changed, and that nothing here reads. Three others are honoured: http_reject_path_with_fragment,
 * match_headers_individually and enable_new_query_param_present_match_behavior (http/runtime.ts), as are re2.max_program_size.* and the keys of fractions and weights.
 */
const ROUTING = new Set(
  (
    'disallow_redirect_prefix_rewrite_with_path_match_policy enable_universal_header_validator header_mutation_url_encode_query_params http1_allow_query_method ' +
    'rbac_match_headers_individually rbac_respect_ignore_path_parameters re2_use_latin1_mode strip_dotdot_segments_with_parameters ' +
    'strip_path_parameters_per_segment uri_template_mixed_variable_literals uhv_allow_malformed_url_encoding'
  )
    .split(' ')
    .map((name) => `envoy.reloadable_features.${name}`),
)

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
    const found = keys.filter((key) => MEANINGFUL.test(key) || ROUTING.has(key)).sort()
    if (found.length === 0) continue
    layer.mark('static_layer', 'diverted', 'some runtime keys change limits or routing, which is not applied')
    diag.report({
      code: 'KM1318',
      severity: 'warning',
      path: layer.at('static_layer'),
      message: `runtime keys that change limits, load balancing or routing are not applied: ${found.join(', ')}`,
      fix: 'write limits into the clusters and listeners themselves, and leave features at their defaults',
    })
  }
}

/** Full names; a runtime layer may be flat ("a.b": 1) or nested. */
function runtimeKeys(value: unknown, prefix = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return prefix === '' ? [] : [prefix]
  return Object.entries(value).flatMap(([key, inner]) => runtimeKeys(inner, prefix === '' ? key : `${prefix}.${key}`))
}
