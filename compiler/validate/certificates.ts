/**
 * Certificates and keys of TLS. A context towards clients needs a certificate, one towards servers has one at most; what is in the text is PEM, and the key belongs to
 * its certificate. Envoy refuses others (tried). A key that a dump left out is not looked at.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Cursor } from '../input/cursor.ts'
import { isOfOtherBuilds } from './extension-points.ts'
import type { Context, Rule } from './rule.ts'

const TLS = 'envoy.extensions.transport_sockets.tls.v3.'
const SOURCES = ['tls_certificates', 'tls_certificate_sds_secret_configs', 'tls_certificate_provider_instance'] as const
const WAYS = [
  ...SOURCES,
  'tls_certificate_certificate_provider',
  'tls_certificate_certificate_provider_instance',
  'custom_tls_certificate_selector',
] as const

export const serverCertificates: Rule = {
  types: [`${TLS}DownstreamTlsContext`],
  check(at, context) {
    const common = at.message('common_tls_context')
    if (common === undefined || !WAYS.some((way) => isGiven(common, way)))
      return context.refuseUnlessLoaded('KM2119', at.path, 'a TLS context of a listener needs a certificate')
    if (isGiven(common, 'tls_certificates') && isGiven(common, 'tls_certificate_sds_secret_configs'))
      context.refuseUnlessLoaded('KM2125', common.path, 'a listener takes certificates from the text or over SDS, not both')
    for (const certificate of common.messages('tls_certificates')) checkServed(certificate, at, context)
    for (const [index, key] of (at.message('session_ticket_keys')?.messages('keys') ?? []).entries()) {
      const size = bytesOf(key)?.length
      if (size !== undefined && size !== TICKET_KEY_BYTES)
        context.refuseUnlessLoaded(
          'KM2125',
          `${at.at('session_ticket_keys')}.keys[${index}]`,
          `a session ticket key has ${TICKET_KEY_BYTES} bytes, not ${size}`,
        )
    }
  },
}

const TICKET_KEY_BYTES = 80

function checkServed(certificate: Cursor, holder: Cursor, context: Context): void {
  if (!certificate.has('certificate_chain') && !certificate.has('pkcs12') && !isSomeKey(certificate))
    context.refuseUnlessLoaded('KM2119', certificate.path, 'a certificate of a listener has no certificate_chain')
  const staple = certificate.message('ocsp_staple')
  if (staple === undefined) {
    if (holder.enum('ocsp_staple_policy') === 'MUST_STAPLE')
      context.refuseUnlessLoaded('KM2125', holder.at('ocsp_staple_policy'), 'MUST_STAPLE needs the ocsp_staple of each certificate')
  } else if (staple.has('inline_bytes') && !isOneValue(Buffer.from(staple.bytes('inline_bytes') ?? [])))
    context.refuseUnlessLoaded('KM2123', staple.path, 'ocsp_staple is no single OCSP response')
}

/** in DER: a sequence that ends where the bytes do */
function isOneValue(bytes: Buffer): boolean {
  const first = bytes[1] ?? 0
  const more = first < 0x80 ? 0 : first & 0x7f
  if (bytes[0] !== 0x30 || more > 4 || bytes.length < 2 + more) return false
  return bytes.length === 2 + more + (more === 0 ? first : bytes.readUIntBE(2, more))
}

export const clientCertificates: Rule = {
  types: [`${TLS}UpstreamTlsContext`],
  check(at, context) {
    const common = at.message('common_tls_context')
    const given = ['tls_certificates', 'tls_certificate_sds_secret_configs'].reduce(
      (sum, way) => sum + (common?.messages(way).length ?? 0),
      0,
    )
    if (common !== undefined && given > 1)
      context.refuseUnlessLoaded('KM2125', common.path, 'towards servers Envoy shows one certificate, not several')
    if (at.boolean('auto_sni_san_validation') !== true || common === undefined) return
    if (common.oneof('validation_context_type') === undefined)
      context.refuseUnlessLoaded('KM2125', at.at('auto_sni_san_validation'), 'auto_sni_san_validation needs a validation context')
  },
}

export const certificates: Rule = {
  types: [`${TLS}TlsCertificate`],
  check: checkCertificate,
}

/** also of secrets that a context names */
export function checkCertificate(at: Cursor, context: Context): void {
  const chain = at.message('certificate_chain')
  if (at.has('pkcs12')) {
    const other = (['certificate_chain', 'private_key', 'private_key_provider'] as const).find((field) => at.has(field))
    const store = bytesOf(at.message('pkcs12') as Cursor)
    if (other !== undefined) context.refuseUnlessLoaded('KM2125', at.at(other), `a certificate has pkcs12 or ${other}, not both`)
    else if (store !== undefined && !isOneValue(store)) context.refuseUnlessLoaded('KM2123', at.at('pkcs12'), 'pkcs12 is no PKCS #12 store')
    return
  }
  if (isInText(at.message('ocsp_staple')))
    context.refuseUnlessLoaded('KM2123', at.at('ocsp_staple'), 'ocsp_staple is binary: it needs inline_bytes or a file')
  if (at.has('private_key_provider')) return checkProvider(at.message('private_key_provider'), context)
  if (chain === undefined) {
    if (at.has('private_key')) context.refuseUnlessLoaded('KM2123', at.path, 'a private_key needs its certificate_chain')
    return
  }
  const text = bytesOf(chain)?.toString('latin1')
  const leaf = text === undefined ? undefined : certificatesIn(text)?.[0]
  if (text !== undefined && leaf === undefined) context.refuseWhenBuilt('KM2123', chain.path, 'certificate_chain is no certificate in PEM')
  else if (!at.has('private_key')) context.refuseUnlessLoaded('KM2123', at.path, 'a certificate_chain needs its private_key')
  else checkKey(at, leaf, context)
}

function isSomeKey(certificate: Cursor): boolean {
  return certificate.has('private_key') || certificate.has('private_key_provider')
}

/** The standard build of Envoy has no provider of keys. */
function checkProvider(at: Cursor | undefined, context: Context): void {
  if (at === undefined) return
  const type = at.any('typed_config')?.type ?? ''
  if (isOfOtherBuilds(type)) context.warn('KM2116', at.path, `${type} is not in the standard build of Envoy`)
  else context.refuseUnlessLoaded('KM2115', at.path, 'Envoy has no such provider of private keys')
}

/** what Envoy writes into dumps in place of a key */
const LEFT_OUT = '[redacted]'

function checkKey(at: Cursor, leaf: X509Certificate | undefined, context: Context): void {
  const source = at.message('private_key')
  const text = source === undefined ? undefined : bytesOf(source)?.toString('latin1')
  if (source === undefined || text === undefined || text === LEFT_OUT) return
  const password = at.message('password')
  const passphrase = password === undefined ? undefined : bytesOf(password)
  if (password !== undefined && passphrase === undefined) return
  const key = privateKeyIn(text, passphrase ?? Buffer.alloc(0))
  if (key === undefined) context.refuseWhenBuilt('KM2123', source.path, 'private_key is no private key in PEM, or its password is wrong')
  else if (leaf !== undefined && !leaf.checkPrivateKey(key))
    context.refuseWhenBuilt('KM2123', source.path, 'private_key is not the key of the certificate')
}

function privateKeyIn(text: string, passphrase: Buffer): KeyObject | undefined {
  const block = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]*?-----END \1PRIVATE KEY-----/.exec(text)?.[0]
  if (block === undefined) return undefined
  try {
    return createPrivateKey({ key: block, passphrase })
  } catch {
    return undefined
  }
}

/** All certificates of a PEM text in order; undefined where there is none, or one is damaged. */
export function certificatesIn(text: string): readonly X509Certificate[] | undefined {
  const blocks = [...text.matchAll(/-----BEGIN (TRUSTED |X509 |)CERTIFICATE-----[\s\S]*?-----END \1CERTIFICATE-----/g)]
  try {
    return blocks.length === 0 ? undefined : blocks.map(([block]) => new X509Certificate(block))
  } catch {
    return undefined
  }
}

function isGiven(at: Cursor, field: string): boolean {
  const value = at.has(field) ? at.raw(field) : undefined
  return value !== undefined && !(Array.isArray(value) && value.length === 0)
}

function isInText(source: Cursor | undefined): boolean {
  return source?.oneof('specifier') === 'inline_string'
}

/** What a DataSource holds itself; undefined for files and variables. */
export function bytesOf(source: Cursor): Buffer | undefined {
  const kind = source.oneof('specifier')
  if (kind === 'inline_string') return Buffer.from(source.string(kind) ?? '')
  return kind === 'inline_bytes' ? Buffer.from(source.bytes(kind) ?? []) : undefined
}
