/**
 * Location of a redirect, and of a direct response with a 3xx code or 201. In: the request and what the redirect says. Out: the URI exactly as Envoy writes it.
 * Invariant: the request's own host keeps its port, unless the redirect names another or it is the default port of a scheme that is left.
 * Source: Envoy's source/common/http/utility.cc (newUri, processRequestHost); the cases of ports were tried.
 */
import type { RedirectAction } from '../http/model.ts'
import type { HttpRequest } from '../http/request.ts'

/** Host, port and scheme of the redirect, and its path_redirect. */
export type Target = Pick<RedirectAction, 'scheme' | 'host' | 'port' | 'pathRewrite' | 'stripQuery'>

/** What a direct response says: the request's own URI. */
export const SAME: Target = { scheme: 'keep', host: undefined, port: undefined, pathRewrite: undefined, stripQuery: false }

/** `path`: with query, after prefix_rewrite or regex_rewrite */
export function locationOf(request: HttpRequest, path: string, target: Target): string {
  const scheme = target.scheme === 'keep' ? request.scheme : target.scheme === 'https' ? 'https' : target.scheme.text
  const port = target.port === undefined ? '' : `:${target.port}`
  const host = target.host ?? requestHost(request, scheme, port)
  const made = newPath(path, target)
  return `${scheme}://${host}${port}${made.startsWith('/') ? made : `/${made}`}`
}

function newPath(path: string, { pathRewrite, stripQuery }: Target): string {
  if (pathRewrite?.kind === 'whole') {
    // a query in path_redirect stays, and there is no other
    if (pathRewrite.text.includes('?')) return pathRewrite.text
    const mark = path.indexOf('?')
    return mark < 0 || stripQuery ? pathRewrite.text : pathRewrite.text + path.slice(mark)
  }
  const mark = path.indexOf('?')
  return stripQuery && mark >= 0 ? path.slice(0, mark) : path
}

function requestHost({ authority, headers }: HttpRequest, scheme: string, port: string): string {
  const colon = authority.startsWith('[') ? bracketEnd(authority) : authority.lastIndexOf(':')
  if (colon < 0) return authority
  const forwarded = headers.get('x-forwarded-proto') ?? ''
  const protocol = forwarded.toLowerCase()
  const given = authority.slice(colon)
  const left = scheme !== forwarded && ((protocol === 'https' && given === ':443') || (protocol === 'http' && given === ':80'))
  return port !== '' || left ? authority.slice(0, colon) : authority
}

/** of "[::1]:80": where ":80" begins */
function bracketEnd(authority: string): number {
  const end = authority.lastIndexOf(']:')
  return end < 0 ? -1 : end + 1
}
