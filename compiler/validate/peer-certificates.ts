/**
 * How TLS judges the other side's certificate. What looks at names, revocations or ages needs a CA in the configuration (system_root_certs is none); fingerprints are
 * SHA-256. Envoy refuses others (tried). Defaults of a combined context are judged with what they are combined with, which a snapshot does not have.
 */
import type { Cursor } from '../input/cursor.ts'
import { bytesOf, certificatesIn } from './certificates.ts'
import { quote } from './quote.ts'
import type { Context, Rule } from './rule.ts'

const TLS = 'envoy.extensions.transport_sockets.tls.v3.'
const SPIFFE = `${TLS}SPIFFECertValidatorConfig`
/** found by name, not by type */
const VALIDATORS: ReadonlySet<string> = new Set([
  'envoy.tls.cert_validator.default',
  'envoy.tls.cert_validator.dynamic_modules',
  'envoy.tls.cert_validator.spiffe',
])

export const peerCertificates: Rule = {
  types: [`${TLS}CertificateValidationContext`],
  check(at, context) {
    if (!at.path.endsWith('.default_validation_context')) checkPeer(at, context)
  },
}

/** also of secrets that a context names */
export function checkPeer(at: Cursor, context: Context): void {
  const validator = at.message('custom_validator_config')
  if (validator !== undefined) {
    const name = validator.string('name') ?? ''
    if (!VALIDATORS.has(name))
      context.refuseWhenBuilt('KM2115', validator.at('name'), `Envoy has no validator of certificates called ${quote(name)}`)
    return
  }
  const source = at.message('trusted_ca')
  const text = source === undefined ? undefined : bytesOf(source)?.toString('latin1')
  if (source === undefined) checkWithoutCa(at, context)
  else if (text !== undefined && certificatesIn(text) === undefined)
    context.refuseWhenBuilt('KM2123', source.path, 'trusted_ca is no certificate in PEM')
  checkFingerprints(at, 'verify_certificate_hash', isHex, context)
  checkFingerprints(at, 'verify_certificate_spki', isBase64, context)
  for (const matcher of at.messages('match_typed_subject_alt_names')) {
    const oid = matcher.string('oid') ?? ''
    if (matcher.enum('san_type') === 'OTHER_NAME' && !/^[012](?:\.\d+)+$/.test(oid))
      context.refuseUnlessLoaded('KM2125', matcher.path, `a name of type OTHER_NAME has an object identifier, not ${quote(oid)}`)
  }
}

/** a list, a source of bytes, a flag */
const NEEDS_CA = ['match_typed_subject_alt_names', 'match_subject_alt_names', 'crl', 'allow_expired_certificate'] as const

function checkWithoutCa(at: Cursor, context: Context): void {
  const field = NEEDS_CA.find((name) => isUsed(at, name))
  if (field !== undefined) context.refuseUnlessLoaded('KM2125', at.at(field), `${field} needs a trusted_ca`)
}

function isUsed(at: Cursor, field: (typeof NEEDS_CA)[number]): boolean {
  if (!at.has(field)) return false
  if (field === 'allow_expired_certificate') return at.boolean(field) === true
  if (field !== 'crl') return at.messages(field).length > 0
  const source = at.message(field)
  return source !== undefined && bytesOf(source)?.length !== 0
}

function checkFingerprints(
  at: Cursor,
  field: 'verify_certificate_hash' | 'verify_certificate_spki',
  isOne: (text: string) => boolean,
  context: Context,
): void {
  for (const [index, text] of at.strings(field).entries())
    if (!isOne(text))
      context.refuseUnlessLoaded(
        'KM2125',
        at.at(field, index),
        `${quote(text)} is no SHA-256 in ${isOne === isHex ? 'hexadecimal digits' : 'base64'}`,
      )
}

const isHex = (text: string): boolean => /^[\da-f]{64}$/i.test(text) || /^[\da-f]{2}(?::[\da-f]{2}){31}$/i.test(text)
const isBase64 = (text: string): boolean => /^[A-Za-z\d+/]{42}[AEIMQUYcgkosw048]=$/.test(text)

/** Unlike other messages this one is not held against the rules of its schema. */
export const spiffe: Rule = {
  types: [SPIFFE],
  check(at, context) {
    const seen = new Set<string>()
    for (const domain of at.messages('trust_domains')) {
      const name = domain.string('name') ?? ''
      if (seen.has(name)) context.refuseUnlessLoaded('KM2125', domain.at('name'), `the trust domain ${quote(name)} occurs twice`)
      seen.add(name)
      const bundle = domain.message('trust_bundle')
      const text = bundle === undefined ? '' : bytesOf(bundle)?.toString('latin1')
      if (text !== undefined && certificatesIn(text) === undefined)
        context.refuseUnlessLoaded('KM2123', domain.at('trust_bundle'), 'trust_bundle is no certificate in PEM')
    }
  },
}
