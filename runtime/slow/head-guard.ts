/**
 * The strict reading of a request's head, in front of the real parser (llhttp). In: the bytes up to the blank line. Out: how its body is framed, or why it is
 * refused. Whatever two parsers could read differently is refused: a bare CR or LF, NUL, a folded line, blanks around a name, a length that is not digits
 * alone, a length beside Transfer-Encoding, any coding but chunked.
 * Source: RFC 9112 sections 2.2, 3, 5, 6; statuses as Envoy 1.40 answers them.
 */

export interface GuardedHead {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  /** names in lower case, values without blanks at their ends; one character a byte */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: { readonly kind: 'none' } | { readonly kind: 'length'; readonly length: number } | { readonly kind: 'chunked' }
  /** what its bytes were */
  readonly length: number
}

export interface HeadRefusal {
  readonly kind: 'refused'
  readonly status: 400 | 426 | 431 | 501
  readonly why: string
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/1\.([01])$/
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*$/
const OTHER_VERSION = /^[A-Z]+ [\x21-\x7e]+ HTTP\/\d\.\d$/
const DIGITS = /^\d{1,15}$/

/** `text`: with the blank line, one character a byte. `chunkedLength`: Transfer-Encoding wins over Content-Length */
export function readHead(
  text: string,
  options: { readonly chunkedLength: boolean; readonly headerLimit: number },
): GuardedHead | HeadRefusal {
  const [first = '', ...lines] = text.slice(0, -4).split('\r\n')
  const [, method, target, minor] = REQUEST_LINE.exec(first) ?? []
  if (method === undefined || target === undefined) return refuse(OTHER_VERSION.test(first) ? 426 : 400, 'request line')
  const headers: (readonly [string, string])[] = []
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? []
    if (name === undefined || value === undefined) return refuse(400, 'header line')
    headers.push([name.toLowerCase(), value])
  }
  if (headers.length > options.headerLimit) return refuse(431, 'number of headers')
  const version = minor === '0' ? '1.0' : '1.1'
  const body = bodyOf(headers, version, options.chunkedLength)
  return 'status' in body ? body : { method, target, version, headers, body, length: text.length }
}

function bodyOf(
  headers: GuardedHead['headers'],
  version: GuardedHead['version'],
  chunkedLength: boolean,
): GuardedHead['body'] | HeadRefusal {
  const codings = headers.filter(([name]) => name === 'transfer-encoding').map(([, value]) => value)
  const lengths = headers.filter(([name]) => name === 'content-length').map(([, value]) => value)
  if (codings.length > 0) {
    if (codings.length > 1 || version === '1.0') return refuse(400, 'transfer-encoding')
    if (lengths.length > 0 && !chunkedLength) return refuse(400, 'content-length beside transfer-encoding')
    return codings[0]?.toLowerCase() === 'chunked' ? { kind: 'chunked' } : refuse(501, 'transfer-encoding')
  }
  if (lengths.length === 0) return { kind: 'none' }
  const [length = ''] = lengths
  if (lengths.length > 1 || !DIGITS.test(length)) return refuse(400, 'content-length')
  return length === '0' || Number(length) === 0 ? { kind: 'none' } : { kind: 'length', length: Number(length) }
}

export function refuse(status: HeadRefusal['status'], why: string): HeadRefusal {
  return { kind: 'refused', status, why }
}
