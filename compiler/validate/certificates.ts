/**
 * TLS. A context towards clients needs a certificate, in one of the ways to give one; a secret without a source is one of static_resources; certificates in the text
 * are PEM. Envoy refuses others (tried). Keys are not looked at: dumps leave them out.
 */
import { X509Certificate } from 'node:crypto'
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import type { Context, Rule } from './rule.ts'

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

export const certificateTexts: Rule = {
  types: [`${TLS}CertificateValidationContext`, `${TLS}TlsCertificate`],
  check(at, context) {
    if (at.type === `${TLS}TlsCertificate`) {
      checkText(at, 'certificate_chain', context)
      const whole = KEYS.some((field) => at.has(field)) || !at.has('certificate_chain')
      if (!whole) context.refuseUnlessLoaded('KM2123', at.path, 'a certificate_chain needs its private_key')
      return
    }
    checkText(at, 'trusted_ca', context)
  },
}

const KEYS = ['private_key', 'private_key_provider', 'pkcs12'] as const

function checkText(at: Cursor, field: 'certificate_chain' | 'trusted_ca', context: Context): void {
  const source = at.message(field)
  const kind = source?.oneof('specifier')
  if (source === undefined || (kind !== 'inline_string' && kind !== 'inline_bytes')) return
  const text = kind === 'inline_string' ? (source.string(kind) ?? '') : Buffer.from(source.bytes(kind) ?? []).toString('latin1')
  if (!isCertificate(text)) context.refuseUnlessLoaded('KM2123', source.path, `${field} is no certificate in PEM`)
}

function isCertificate(text: string): boolean {
  const block = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/.exec(text)?.[0]
  if (block === undefined) return false
  try {
    new X509Certificate(block)
    return true
  } catch {
    return false
  }
}
