/**
 * Parts of paths and addresses, as commands of substitution formats show them. In and out: texts; undefined where there is nothing to show.
 * Source: Envoy's source/common/formatter/{http_specific_formatter,stream_info_formatter}.cc.
 */

/** the first value of a query parameter, not decoded */
export function queryParameter(name: string, path: string): string | undefined {
  for (const part of queryOf(path).split('&')) {
    const equals = part.indexOf('=')
    if ((equals < 0 ? part : part.slice(0, equals)) === name) return equals < 0 ? '' : part.slice(equals + 1)
  }
  return undefined
}

/** what follows the "?", '' when nothing does */
export function queryOf(path: string): string {
  const mark = path.indexOf('?')
  return mark < 0 ? '' : path.slice(mark + 1)
}

export function withoutQuery(path: string | undefined): string | undefined {
  const mark = path?.indexOf('?') ?? -1
  return path === undefined || mark < 0 ? path : path.slice(0, mark)
}

/** of "1.2.3.4:80", "1.2.3.4" or "[::1]:80"; the port that is not given is 0 */
export function addressPart(text: string, part: 'both' | 'address' | 'port'): string {
  const colon = text.startsWith('[') ? text.indexOf(']:') + 1 : text.indexOf(':') === text.lastIndexOf(':') ? text.indexOf(':') : -1
  const address = colon > 0 ? text.slice(0, colon) : text
  const port = colon > 0 ? text.slice(colon + 1) : '0'
  if (part === 'port') return port
  if (part === 'address') return address.replace(/^\[(.*)\]$/, '$1')
  return `${address.includes(':') && !address.startsWith('[') ? `[${address}]` : address}:${port}`
}
