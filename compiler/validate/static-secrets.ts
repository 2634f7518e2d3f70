/**
 * Secrets that a TLS context takes from static_resources. One without sds_config has to be there, and to be of the kind that is asked for; only then Envoy looks at what is in it
 * (tried). In: contexts. Out: findings, also at the secret.
 */
import type { Cursor } from '../input/cursor.ts'
import { checkCertificate } from './certificates.ts'
import { checkPeer } from './peer-certificates.ts'
import { quote } from './quote.ts'
import type { Context, Rule } from './rule.ts'

const TLS = 'envoy.extensions.transport_sockets.tls.v3.'

export const staticSecrets: Rule = {
  types: [`${TLS}CommonTlsContext`, `${TLS}CommonTlsContext.CombinedCertificateValidationContext`, `${TLS}DownstreamTlsContext`],
  check(at, context) {
    if (at.type === `${TLS}DownstreamTlsContext`)
      return checkReference(at.message('session_ticket_keys_sds_secret_config'), 'session_ticket_keys', () => undefined, context)
    checkReference(at.message('validation_context_sds_secret_config'), 'validation_context', checkPeer, context)
    if (at.type !== `${TLS}CommonTlsContext`) return
    for (const reference of at.messages('tls_certificate_sds_secret_configs'))
      checkReference(reference, 'tls_certificate', checkCertificate, context)
  },
}

function checkReference(
  at: Cursor | undefined,
  kind: 'tls_certificate' | 'validation_context' | 'session_ticket_keys',
  check: (held: Cursor, context: Context) => void,
  context: Context,
): void {
  const name = at?.string('name') ?? ''
  if (at === undefined || name === '' || at.has('sds_config')) return
  const secret = context.facts.secrets.get(name)
  const held = secret?.message(kind)
  if (held !== undefined) check(held, context)
  else if (secret === undefined)
    context.refuseUnlessLoaded('KM2118', at.path, `the secret ${quote(name)} has no sds_config and is not in the snapshot`)
  else context.refuseUnlessLoaded('KM2118', at.path, `the secret ${quote(name)} is no ${kind}`)
}

/** A secret that has nothing in it. */
export const emptySecrets: Rule = {
  types: [`${TLS}Secret`],
  check(at, context) {
    if (at.oneof('type') === undefined) context.refuseUnlessLoaded('KM2118', at.path, 'the secret has nothing in it')
  },
}
