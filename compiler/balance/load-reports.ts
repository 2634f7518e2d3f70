/**
 * client_side_weighted_round_robin, alone or in wrr_locality. In: its message. Out: ROUND_ROBIN. Its weights come from load reports in responses
 * (ORCA), which nothing of layer 4 carries. Without one, Envoy gives all endpoints the same weight from its first update on, a second after
 * the start, whatever load_balancing_weight says (tried). Reports out of band would change that, so they are not supported.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import type { PolicyReading } from './policy.ts'
import { readSlowStart } from './slow-start.ts'

export const LOAD_REPORTS_TYPE = 'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin'

export function readLoadReports(config: Cursor, diag: Diagnostics): PolicyReading {
  readSlowStart(config, diag)
  if (config.boolean('enable_oob_load_report') === true) {
    config.markAll('diverted', 'out-of-band load reports do not reach a connection')
    return { unsupported: 'client_side_weighted_round_robin with out-of-band load reports' }
  }
  for (const field of config.fields()) {
    if (field !== 'slow_start_config' && field !== 'enable_oob_load_report')
      config.mark(field, 'equivalent', 'load reports do not reach a connection')
  }
  return {
    policy: { name: 'ROUND_ROBIN', equalWeights: true },
    localityWeighted: false,
    failTrafficOnPanic: false,
    useHostnameForHashing: false,
  }
}
