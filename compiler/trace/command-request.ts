/**
 * What --request and -H say. In: texts of the command line. Out: a request, or what is wrong with the text. The authority is that of the URL, or of a
 * Host header where the URL is only a path.
 */
import type { HeaderPair, RequestLine } from '../http/request.ts'
import { parseSocketAddress } from './addresses.ts'

const REQUEST = /^(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s+)?(\S+)$/
const URL_PARTS = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/
const HEADER = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:(.*)$/s

export function readRequestText(text: string, headerTexts: readonly string[]): RequestLine | { readonly error: string } {
  const [, method = 'GET', target] = REQUEST.exec(text.trim()) ?? []
  if (target === undefined) return { error: `--request takes 'GET http://host/path', not "${text}"` }
  const headers: HeaderPair[] = []
  for (const one of headerTexts) {
    const [, name, value] = HEADER.exec(one) ?? []
    if (name === undefined || value === undefined) return { error: `-H takes 'name: value', not "${one}"` }
    headers.push([name, value.trim()])
  }
  const [, scheme, authority, rest] = URL_PARTS.exec(target) ?? []
  const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1]
  const others = headers.filter(([name]) => name.toLowerCase() !== 'host')
  if (scheme !== undefined) {
    const path = rest === undefined || rest === '' ? '/' : rest.startsWith('/') ? rest : `/${rest}`
    return { method, authority: host ?? authority ?? '', path, headers: others, scheme: scheme.toLowerCase() }
  }
  if (!target.startsWith('/') && target !== '*') return { error: `--request needs a URL or a path, not "${target}"` }
  return { method, authority: host ?? '', path: target, headers: others }
}

/** For the command line's own checks: what is wrong, if anything. */
export function checkRequest(text: string | undefined, headerTexts: readonly string[]): string | undefined {
  if (text === undefined) return headerTexts.length > 0 ? '-H goes with --request' : undefined
  const read = readRequestText(text, headerTexts)
  return 'error' in read ? read.error : undefined
}

interface GivenAddresses {
  readonly source: string | undefined
  readonly destination: string | undefined
}

export function checkAddresses({ source, destination }: GivenAddresses): string | undefined {
  if (source !== undefined && parseSocketAddress(source) === undefined) return `--source takes an address such as 10.0.0.7, not "${source}"`
  const isWrong = destination !== undefined && parseSocketAddress(destination) === undefined
  return isWrong ? `--destination takes an address with a port, such as 10.0.0.1:80, not "${destination}"` : undefined
}
