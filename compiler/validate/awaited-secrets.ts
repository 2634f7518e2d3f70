/**
 * TLS contexts that wait for secrets over xDS: Envoy takes them as they are, builds them when the secrets are there, and looks at certificates, ciphers and the like only
 * then (tried). In: a context. Out: whether it waits.
 */
import type { Cursor } from '../input/cursor.ts'

const TLS = 'envoy.extensions.transport_sockets.tls.v3.'

export const TLS_CONTEXTS: ReadonlySet<string> = new Set([`${TLS}UpstreamTlsContext`, `${TLS}DownstreamTlsContext`])

/** `at`: one of TLS_CONTEXTS */
export function awaitsSecrets(at: Cursor): boolean {
  if (at.type === `${TLS}DownstreamTlsContext` && isFetched(at.message('session_ticket_keys_sds_secret_config'))) return true
  const common = at.message('common_tls_context')
  return (
    isFetched(common?.message('validation_context_sds_secret_config')) ||
    isFetched(common?.message('combined_validation_context')?.message('validation_context_sds_secret_config')) ||
    (common?.messages('tls_certificate_sds_secret_configs') ?? []).some(isFetched)
  )
}

function isFetched(secret: Cursor | undefined): boolean {
  return secret?.has('sds_config') === true
}
