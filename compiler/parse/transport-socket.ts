/**
 * Transport sockets: whether plain bytes of the client mean the same to the other side. In: the cursor of a core.v3.TransportSocket.
 * Out: undefined for plain text, else what is needed, in words. Wrappers that only watch (tap, tcp_stats) are looked through.
 * Source: Envoy's transport_sockets extensions; an unknown one is never taken for plain text.
 */
import type { Cursor } from '../input/cursor.ts'

const SOCKETS = 'envoy.extensions.transport_sockets.'
const PLAIN = `${SOCKETS}raw_buffer.v3.RawBuffer`
const WATCHERS = [`${SOCKETS}tap.v3.Tap`, `${SOCKETS}tcp_stats.v3.Config`]
const NEEDS: Readonly<Record<string, string>> = {
  'tls.v3.UpstreamTlsContext': 'TLS',
  'tls.v3.DownstreamTlsContext': 'TLS',
  'quic.v3.QuicUpstreamTransport': 'QUIC',
  'quic.v3.QuicDownstreamTransport': 'QUIC',
  'starttls.v3.StartTlsConfig': 'STARTTLS',
  'starttls.v3.UpstreamStartTlsConfig': 'STARTTLS',
  'alts.v3.Alts': 'ALTS',
  's2a.v3.S2AConfiguration': 'TLS (S2A)',
  'proxy_protocol.v3.ProxyProtocolUpstreamTransport': 'PROXY protocol',
  'internal_upstream.v3.InternalUpstreamTransport': 'an internal listener (HBONE)',
  'http_11_proxy.v3.Http11ProxyUpstreamTransport': 'an HTTP proxy',
}
/** names that Envoy takes without typed_config */
const PLAIN_NAMES = new Set(['envoy.transport_sockets.raw_buffer', 'raw_buffer'])

export function transportNeeds(at: Cursor): string | undefined {
  const config = at.any('typed_config')
  if (config === undefined) {
    const name = at.string('name') ?? ''
    return PLAIN_NAMES.has(name) ? undefined : `the transport socket "${name}"`
  }
  if (config.type === PLAIN) return undefined
  if (WATCHERS.includes(config.type)) {
    const inner = config.message('transport_socket')
    for (const field of config.fields())
      if (field !== 'transport_socket') config.mark(field, 'ignored-safe', 'watches bytes and does not change them')
    return inner === undefined ? 'a transport socket that is missing' : transportNeeds(inner)
  }
  const need = NEEDS[config.type.slice(SOCKETS.length)] ?? `the transport socket ${config.type}`
  at.mark('typed_config', 'diverted', `needs ${need}, which the client's plain connection does not have`)
  return need
}
