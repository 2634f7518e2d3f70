/**
 * What TLS is negotiated with: cipher suites, curves, signature algorithms, application protocols. Envoy hands them to BoringSSL and refuses what that does not
 * know. In: CommonTlsContext and TlsParameters. Out: findings. Every name here was tried on Envoy 1.40.
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import type { Context, Rule } from './rule.ts'

const TLS = 'envoy.extensions.transport_sockets.tls.v3.'
const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))
/** each name, with the first of those that mean the same */
const aliases = (text: string): ReadonlyMap<string, string> =>
  new Map([...words(text)].flatMap((group) => group.split('=').map((name, _, [first = name]) => [name, first] as const)))

const CIPHERS = words(`
  ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305
  ECDHE-RSA-CHACHA20-POLY1305 ECDHE-PSK-CHACHA20-POLY1305 ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ECDHE-PSK-AES128-CBC-SHA ECDHE-ECDSA-AES256-SHA
  ECDHE-RSA-AES256-SHA ECDHE-PSK-AES256-CBC-SHA ECDHE-RSA-AES128-SHA256 AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA AES256-SHA PSK-AES128-CBC-SHA
  PSK-AES256-CBC-SHA DES-CBC3-SHA ALL DEFAULT HIGH FIPS SSLv3 TLSv1 TLSv1.2 kRSA kECDHE kEECDH kPSK aRSA aECDSA aPSK ECDHE EECDH RSA ECDSA PSK 3DES AES AES128
  AES256 AESGCM CHACHA20 SHA SHA1`)
/** the names of RFCs of the suites that BoringSSL has; those of TLS 1.3 cannot be chosen */
const RFC_CIPHER = /^TLS_(?:RSA|ECDHE_RSA|ECDHE_ECDSA|PSK|ECDHE_PSK)_WITH_\w+$/
const CURVES = aliases('P-256=prime256v1 P-384=secp384r1 P-521=secp521r1 X25519=x25519 X25519MLKEM768 MLKEM1024')
const SIGNATURES = aliases(`
  rsa_pkcs1_sha1=RSA+SHA1 rsa_pkcs1_sha256=RSA+SHA256 rsa_pkcs1_sha256_legacy rsa_pkcs1_sha384=RSA+SHA384 rsa_pkcs1_sha512=RSA+SHA512
  ecdsa_sha1=ECDSA+SHA1 ecdsa_secp256r1_sha256=ECDSA+SHA256 ecdsa_secp384r1_sha384=ECDSA+SHA384 ecdsa_secp521r1_sha512=ECDSA+SHA512
  rsa_pss_rsae_sha256=PSS+SHA256=RSA-PSS+SHA256 rsa_pss_rsae_sha384=PSS+SHA384=RSA-PSS+SHA384 rsa_pss_rsae_sha512=PSS+SHA512=RSA-PSS+SHA512 ed25519`)
/** known, and without effect: a list of nothing else is empty */
const TLS13 = words('TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256')
const LONGEST_PROTOCOL = 255
const LONGEST_PROTOCOLS = 65_535

export const tlsParameters: Rule = {
  types: [`${TLS}TlsParameters`],
  check(at, context) {
    const ciphers = at.strings('cipher_suites')
    const wrong = ciphers.join('') === '' ? undefined : wrongCipher(ciphers.join(':'))
    if (wrong !== undefined) context.refuseWhenBuilt('KM2124', at.at('cipher_suites'), `Envoy knows no cipher suite ${quote(wrong)}`)
    checkNames(at, 'ecdh_curves', 'curve', CURVES, context)
    checkNames(at, 'signature_algorithms', 'signature algorithm', SIGNATURES, context)
  },
}

function checkNames(
  at: Cursor,
  field: 'ecdh_curves' | 'signature_algorithms',
  what: string,
  known: ReadonlyMap<string, string>,
  context: Context,
): void {
  const text = at.strings(field).join(':')
  if (text === '') return
  const seen = new Set<string>()
  for (const name of text.split(':')) {
    const meant = known.get(name)
    if (meant === undefined) context.refuseWhenBuilt('KM2124', at.at(field), `Envoy knows no ${what} ${quote(name)}`)
    else if (seen.has(meant)) context.refuseWhenBuilt('KM2124', at.at(field), `the ${what} ${quote(name)} is there twice`)
    else seen.add(meant)
  }
}

/** A list in OpenSSL's manner: names with an operator in front or joined by "+", in groups of equal preference. -> what is wrong with it */
function wrongCipher(list: string): string | undefined {
  const groups = [...list.matchAll(/\[([^[\]]*)\]/g)].map(([, inner]) => inner ?? '')
  const outside = list.replace(/\[[^[\]]*\]/g, '')
  if (/[[\]]/.test(outside) || groups.some((group) => group === '')) return list
  const single = outside.split(':').filter((name) => name !== '')
  const named = [...single, ...groups.flatMap((group) => group.split('|'))]
  const unknown = named
    .flatMap((name) => name.replace(/^[-!+]/, '').split('+'))
    .find((name) => !CIPHERS.has(name) && !RFC_CIPHER.test(name) && !TLS13.has(name))
  if (unknown !== undefined) return unknown
  if (named.length > 0 && named.every((name) => TLS13.has(name))) return list
  // no operators behind a group
  if (/\].*:[-!+]/.test(list)) return list
  // with nothing but operators the list is empty
  return groups.length === 0 && single.every((name) => /^[-!+]/.test(name)) ? list : undefined
}

/** Envoy joins the protocols with commas and reads that. An empty one between others ends the process where Envoy is the client. */
export const applicationProtocols: Rule = {
  types: [`${TLS}UpstreamTlsContext`, `${TLS}DownstreamTlsContext`],
  check(at, context) {
    const common = at.message('common_tls_context')
    const protocols = (common?.strings('alpn_protocols') ?? []).join(',').split(',')
    const sizes = protocols.map((name) => Buffer.byteLength(name))
    const hasGap = at.type === `${TLS}UpstreamTlsContext` && protocols.length > 1 && sizes.includes(0)
    const isLong = sizes.some((size) => size > LONGEST_PROTOCOL) || sizes.reduce((sum, size) => sum + size + 1, 0) >= LONGEST_PROTOCOLS
    if (common === undefined || !(hasGap || isLong)) return
    const what = hasGap
      ? 'one of the application protocols is empty'
      : `an application protocol has at most ${LONGEST_PROTOCOL} bytes, all together less than ${LONGEST_PROTOCOLS}`
    context.refuseWhenBuilt('KM2124', common.at('alpn_protocols'), what)
  },
}
