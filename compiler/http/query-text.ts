/**
 * The query of a path. In: a path with query. Out: its parameters, not percent-decoded; the first of a name counts, `?k` is the empty string.
 * Source: Envoy's http/utility.cc (QueryParamsMulti::parseQueryString).
 */
const NO_PARAMETERS: ReadonlyMap<string, string> = new Map()

export function parseQuery(path: string): ReadonlyMap<string, string> {
  const start = path.indexOf('?')
  if (start < 0) return NO_PARAMETERS
  const hash = path.indexOf('#', start)
  const found = new Map<string, string>()
  for (const part of path.slice(start + 1, hash < 0 ? undefined : hash).split('&')) {
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : part.slice(0, equals)
    if (!found.has(name)) found.set(name, equals < 0 ? '' : part.slice(equals + 1))
  }
  return found
}
