/**
 * original_ip_detection_extensions: who the client is where a connection manager does not take the connection's own address. In: what the extensions are, the request's
 * headers and who is connected. Out: the client's address and whether it may count as internal, or the status that the request is answered with.
 * Source: Envoy's source/extensions/http/original_ip_detection/{custom_header,xff}; tried on Envoy 1.40.
 */
import type { Cursor } from '../input/cursor.ts'
import { lowerCase } from '../match/string-match.ts'
import {
  canonicalAddress,
  type Forwarded,
  forwardedAddress,
  type InternalAddresses,
  isInternalAddress,
  readRanges,
} from './internal-address.ts'
import { errorStatus } from './error-status.ts'
import type { Headers } from './request.ts'

export type IpDetection =
  | {
      readonly kind: 'header'
      readonly name: string
      readonly trusted: boolean
      /** of a request without it; undefined: the next extension is asked */
      readonly refusal: number | undefined
    }
  | {
      readonly kind: 'forwarded'
      readonly hops: number
      readonly append: boolean
      /** proxies that are believed, by address; undefined: by number */
      readonly trusted: InternalAddresses | undefined
    }
  /** of another kind: finds nobody */
  | { readonly kind: 'unknown' }

export type DetectedClient =
  | { readonly kind: 'known'; readonly address: string | undefined; readonly trusted: boolean }
  | { readonly kind: 'refused'; readonly status: number }

const EXTENSIONS = 'envoy.extensions.http.original_ip_detection.'

/** `at`: an HttpConnectionManager */
export function readIpDetections(at: Cursor): readonly IpDetection[] | undefined {
  const list = at.messages('original_ip_detection_extensions').map((extension): IpDetection => {
    const config = extension.has('typed_config') ? extension.any('typed_config') : undefined
    if (config?.known !== true) return { kind: 'unknown' }
    if (config.type === `${EXTENSIONS}custom_header.v3.CustomHeaderConfig`) {
      const refusal = config.message('reject_with_status')
      return {
        kind: 'header',
        name: lowerCase(config.string('header_name') ?? ''),
        trusted: config.boolean('allow_extension_to_set_address_as_trusted') ?? false,
        refusal: refusal === undefined ? undefined : errorStatus(refusal, 403),
      }
    }
    if (config.type !== `${EXTENSIONS}xff.v3.XffConfig`) {
      config.markAll('diverted', 'no detection of addresses that is known here')
      return { kind: 'unknown' }
    }
    const trusted = readRanges(config.message('xff_trusted_cidrs')?.messages('cidrs') ?? [])
    return {
      kind: 'forwarded',
      hops: config.number('xff_num_trusted_hops') ?? 0,
      append: config.boolean('skip_xff_append') === false,
      trusted: trusted.ranges.length === 0 ? undefined : trusted,
    }
  })
  return list.length === 0 ? undefined : list
}

export function detectClient(detections: readonly IpDetection[], headers: Headers, source: string | undefined): DetectedClient {
  for (const one of detections) {
    if (one.kind === 'header') {
      const value = headers.get(one.name)
      const address = value === undefined ? undefined : canonicalAddress(value)
      if (address !== undefined) return { kind: 'known', address, trusted: one.trusted }
      if (one.refusal !== undefined) return { kind: 'refused', status: one.refusal }
    }
    if (one.kind === 'forwarded') {
      if (one.trusted !== undefined && (source === undefined || !isInternalAddress(one.trusted, source))) {
        // whoever is connected is no proxy that is believed: it is the client, for the next one as well
        if (source !== undefined) headers.add('x-forwarded-for', source)
        continue
      }
      const header = headers.get('x-forwarded-for')
      const found = one.trusted === undefined ? forwardedAddress(header, one.hops) : behindTrusted(header, one.trusted)
      if (one.append && source !== undefined) headers.add('x-forwarded-for', source)
      if (found !== undefined) return { kind: 'known', address: found.address, trusted: found.single }
    }
  }
  return { kind: 'known', address: undefined, trusted: false }
}

/** From the last one on, the first address that is not of a trusted proxy, or the first one of all; nobody, where something on the way is no address. */
function behindTrusted(header: string | undefined, trusted: InternalAddresses): Forwarded | undefined {
  const parts = (header ?? '').split(',')
  let last: string | undefined
  for (const part of parts.toReversed()) {
    last = canonicalAddress(part.trim())
    if (last === undefined) return undefined
    if (!isInternalAddress(trusted, last)) break
  }
  return last === undefined ? undefined : { address: last, single: parts.length === 1 }
}
