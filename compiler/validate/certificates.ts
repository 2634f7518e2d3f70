/**
 * TLS. A context towards clients needs a certificate, in one of the ways to give one; a secret without a source is one of static_resources. Envoy refuses others
 * (tried).
 */
import { quote } from './quote.ts'
import type { Rule } from './rule.ts'

const TLS = 'envoy.extensions.transport_sockets.tls.v3.'
const WAYS = [
  'tls_certificates',
  'tls_certificate_sds_secret_configs',
  'tls_certificate_provider_instance',
  'tls_certificate_certificate_provider',
  'tls_certificate_certificate_provider_instance',
  'custom_tls_certificate_selector',
] as const

export const serverCertificates: Rule = {
  types: [`${TLS}DownstreamTlsContext`],
  check(at, context) {
    const common = at.message('common_tls_context')
    if (common === undefined || !WAYS.some((way) => common.has(way) && !isEmptyList(common.raw(way))))
      context.refuseUnlessLoaded('KM2119', at.path, 'a TLS context of a listener needs a certificate')
  },
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0

export const staticSecrets: Rule = {
  types: [`${TLS}SdsSecretConfig`],
  check(at, context) {
    const name = at.string('name') ?? ''
    if (name !== '' && !at.has('sds_config') && !context.facts.secrets.has(name))
      context.refuseUnlessLoaded('KM2118', at.path, `the secret ${quote(name)} has no sds_config and is not in the snapshot`)
  },
}
