/**
 * Settings of a connection manager that exclude each other. Envoy refuses them (HttpConnectionManagerConfig; tried).
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import type { Rule } from './rule.ts'

const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

const PAIRS: readonly (readonly [first: string, second: string])[] = [
  ['strip_any_host_port', 'strip_matching_host_port'],
  ['access_log_options', 'flush_access_log_on_new_request'],
  ['access_log_options', 'access_log_flush_interval'],
  ['original_ip_detection_extensions', 'use_remote_address'],
  ['original_ip_detection_extensions', 'xff_num_trusted_hops'],
]

export const connectionManager: Rule = {
  types: [HCM],
  check(at, context) {
    for (const [first, second] of PAIRS)
      if (isOn(at, first) && isOn(at, second)) context.refuse('KM2107', at.at(second), `${first} and ${second} exclude each other`)
    const common = at.message('common_http_protocol_options')
    if (common?.has('max_response_headers_kb') === true)
      context.refuse(
        'KM2108',
        common.at('max_response_headers_kb'),
        'max_response_headers_kb is for clusters, not for a connection manager',
      )
    const seen = new Set<string>()
    for (const upgrade of at.messages('upgrade_configs')) {
      const type = (upgrade.string('upgrade_type') ?? '').toLowerCase()
      if (seen.has(type)) context.refuse('KM2013', upgrade.path, `the upgrade ${quote(type)} is there twice`)
      seen.add(type)
    }
  },
}

/** Proxies are believed by number or by address. */
export const forwardedFor: Rule = {
  types: ['envoy.extensions.http.original_ip_detection.xff.v3.XffConfig'],
  check(at, context) {
    if ((at.number('xff_num_trusted_hops') ?? 0) > 0 && at.has('xff_trusted_cidrs'))
      context.refuse('KM2107', at.at('xff_trusted_cidrs'), 'xff_num_trusted_hops and xff_trusted_cidrs exclude each other')
  },
}

/** HTTP/3 needs a listener of QUIC, and such a listener needs HTTP/3. */
export const codecs: Rule = {
  types: ['envoy.config.listener.v3.Listener'],
  check(at, context) {
    const quic = at.message('udp_listener_config')?.has('quic_options') === true
    const chains = [...at.messages('filter_chains'), ...(at.has('default_filter_chain') ? [at.message('default_filter_chain')] : [])]
    for (const filter of chains.flatMap((chain) => chain?.messages('filters') ?? [])) {
      const config = filter.any('typed_config')
      if (config?.known !== true || config.type !== HCM) continue
      const http3 = config.enum('codec_type') === 'HTTP3'
      if (http3 !== quic)
        context.refuse(
          'KM2110',
          config.at('codec_type'),
          http3 ? 'HTTP/3 needs a listener of QUIC' : 'a listener of QUIC needs the codec HTTP3',
        )
    }
  },
}

/** false and 0 are as good as not set */
function isOn(at: Cursor, field: string): boolean {
  const value = at.raw(field)
  return at.has(field) && value !== false && value !== 0 && !(Array.isArray(value) && value.length === 0)
}
