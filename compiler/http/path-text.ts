/**
 * What a connection manager makes of a path: fragment, escaped slashes, normalization, merged slashes, in this order. In: its settings and the path with
 * query. Out: the path that routes and the upstream see, a redirect to it, or a refusal with the path as far as it came.
 * Source: Envoy's http/conn_manager_utility.cc (maybeNormalizePath) and http/path_utility.cc; normalization is that of URLs in RFC 3986, 6.2.2.
 */
export interface PathSettings {
  /** false: the fragment is cut off (reloadable feature http_reject_path_with_fragment) */
  readonly rejectFragment: boolean
  readonly escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward'
  readonly normalizePath: boolean
  readonly mergeSlashes: boolean
}

export type NormalizedPath =
  | { readonly kind: 'path' | 'redirect'; readonly path: string }
  | { readonly kind: 'refused'; readonly path: string }

export function normalizePath(settings: PathSettings, given: string): NormalizedPath {
  const hash = given.indexOf('#')
  if (hash >= 0 && settings.rejectFragment) return { kind: 'refused', path: given }
  const text = hash < 0 ? given : given.slice(0, hash)
  const mark = text.indexOf('?')
  const query = mark < 0 ? '' : text.slice(mark)
  let path = mark < 0 ? text : text.slice(0, mark)
  let kind: 'path' | 'redirect' = 'path'
  if (settings.escapedSlashes !== 'keep') {
    const unescaped = path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\')
    if (unescaped !== path && settings.escapedSlashes === 'reject') return { kind: 'refused', path: unescaped + query }
    if (unescaped !== path && settings.escapedSlashes === 'redirect') kind = 'redirect'
    path = unescaped
  }
  if (settings.normalizePath) {
    const canonical = canonicalPath(path)
    if (canonical === undefined) return { kind: 'refused', path: path + query }
    path = canonical
  }
  if (settings.mergeSlashes && path.includes('//')) path = mergeSlashes(path)
  return { kind, path: path + query }
}

/** Envoy puts the first and the last slash back around what is left, so that "//" stays. */
function mergeSlashes(path: string): string {
  const inside = path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/')
  return `${path.startsWith('/') ? '/' : ''}${inside}${path.endsWith('/') ? '/' : ''}`
}

/** A dot segment with parameters is one without. Escaped dots are none here, and "\\" separates nothing yet (tried on Envoy 1.40). */
function withoutDotParameters(path: string): string {
  return path.includes(';') ? path.replace(/(^|\/)(\.\.?);[^/]*/g, '$1$2') : path
}

/** Dot segments are resolved, "\" is "/", escapes of unreserved characters are undone, characters that must be escaped are. A zero byte is refused. */
function canonicalPath(path: string): string | undefined {
  const plain = canonicalText(withoutDotParameters(path))
  if (plain === undefined) return undefined
  const out: string[] = []
  const segments = plain.split('/')
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '..' && out.length > 1) out.pop()
    if (segment === '.' || segment === '..') {
      if (last) out.push('')
    } else out.push(segment)
  }
  const text = out.join('/')
  return text.startsWith('/') ? text : `/${text}`
}

const UNRESERVED = /[A-Za-z0-9\-._~]/
const MUST_ESCAPE = /[\x21-\x7e]/
const ESCAPED_THOUGH_PRINTABLE = /["<>`{}^|]/

function canonicalText(path: string): string | undefined {
  let out = ''
  for (const char of path.replaceAll('\\', '/').match(/%[0-9a-fA-F]{2}|[\s\S]/gu) ?? []) {
    if (char.length === 3 && char[0] === '%') {
      const code = Number.parseInt(char.slice(1), 16)
      if (code === 0) return undefined
      const plain = String.fromCharCode(code)
      out += code < 128 && UNRESERVED.test(plain) ? plain : char
    } else if (MUST_ESCAPE.test(char) && !ESCAPED_THOUGH_PRINTABLE.test(char)) out += char
    else {
      for (const byte of new TextEncoder().encode(char)) {
        if (byte === 0) return undefined
        out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
      }
    }
  }
  return out
}
