/**
 * What Envoy's codec says of a request's headers before there is a request. In: the limits of a connection manager and a request line. Out: the line without headers
 * that are dropped, or why it is refused.
 * Source: Envoy's http1/{codec_impl,balsa_parser}.cc, protocol.proto; tried on Envoy 1.40.
 */
import { isInlineHeader } from './inline-headers.ts'
import type { RequestLine } from './request.ts'

export interface HeadLimits {
  readonly underscores: 'allow' | 'reject' | 'drop'
  /** headers of a request, Host among them */
  readonly mostHeaders: number
  /** bytes of the head, in KiB */
  readonly mostKib: number
}

export type CodecVerdict =
  | { readonly kind: 'line'; readonly line: RequestLine }
  | { readonly kind: 'refused'; readonly status: 400 | 431; readonly reason: string; readonly body: string }

const KIB = 1024

/** First the size of the whole, then header by header as they come. */
export function checkHead({ underscores, mostHeaders, mostKib }: HeadLimits, line: RequestLine): CodecVerdict {
  if (isLarger(line, mostKib * KIB)) return tooLarge('http1.headers_too_large')
  const { headers } = line
  const plain = underscores === 'allow' || !headers.some(hasUnderscore)
  if (plain && headers.length < mostHeaders) return { kind: 'line', line }
  const kept: RequestLine['headers'][number][] = []
  const inline = new Set(['host'])
  let count = 1
  for (const header of headers) {
    if (!plain && hasUnderscore(header)) {
      if (underscores === 'reject') return { kind: 'refused', status: 400, reason: 'http1.unexpected_underscore', body: 'Bad Request' }
      continue
    }
    const name = header[0].toLowerCase()
    if (!inline.has(name)) count++
    if (isInlineHeader('request', name)) inline.add(name)
    if (count > mostHeaders) return tooLarge('http1.too_many_headers')
    kept.push(header)
  }
  return { kind: 'line', line: kept.length === headers.length ? line : { ...line, headers: kept } }
}

function tooLarge(reason: string): CodecVerdict {
  return { kind: 'refused', status: 431, reason, body: 'Request Header Fields Too Large' }
}

function hasUnderscore([name]: readonly [string, string]): boolean {
  return name.includes('_')
}

/** As HTTP/1.1 writes it, a space behind each colon. */
function isLarger(line: RequestLine, most: number): boolean {
  const { method, path, authority, headers } = line
  const size = (length: (text: string) => number): number =>
    headers.reduce(
      (sum, [name, value]) => sum + length(name) + length(value) + ': \r\n'.length,
      length(method) + length(path) + length(authority) + '  HTTP/1.1\r\nhost: \r\n\r\n'.length,
    )
  return size((text) => 3 * text.length) > most && size((text) => Buffer.byteLength(text)) > most
}
