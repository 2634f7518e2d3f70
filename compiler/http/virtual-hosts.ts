/**
 * The virtual host of a request. In: a route configuration, once, and the host of each request. Out: the virtual host and the domain that took it.
 * Exact domains first, then "*suffix" by length, then "prefix*" by length, then "*"; what one virtual host does not route no other one does.
 * Source: Envoy's router/config_impl.cc (RouteMatcher); a wildcard stands for at least one character.
 */
import { lowerCase } from '../match/string-match.ts'
import type { RouteConfiguration, VirtualHost } from './model.ts'
import type { HttpRequest } from './request.ts'

export interface ChosenHost {
  readonly virtualHost: VirtualHost
  readonly domain: string
}

export interface VirtualHostTable {
  readonly exact: ReadonlyMap<string, ChosenHost>
  /** longest first */
  readonly suffixes: readonly Wildcards[]
  readonly prefixes: readonly Wildcards[]
  readonly any: ChosenHost | undefined
  /** there is nothing but "*": then Envoy does not look at the host at all, also where there is none */
  readonly onlyAny: boolean
}

interface Wildcards {
  readonly length: number
  readonly hosts: ReadonlyMap<string, ChosenHost>
}

/** Of a domain that is there twice, which Envoy refuses, the first counts. */
export function createVirtualHostTable({ virtualHosts }: RouteConfiguration): VirtualHostTable {
  const exact = new Map<string, ChosenHost>()
  const suffixes = new Map<string, ChosenHost>()
  const prefixes = new Map<string, ChosenHost>()
  let any: ChosenHost | undefined
  const put = (map: Map<string, ChosenHost>, key: string, host: ChosenHost): void => {
    if (!map.has(key)) map.set(key, host)
  }
  for (const virtualHost of virtualHosts) {
    for (const domain of virtualHost.domains) {
      const host = { virtualHost, domain }
      const text = lowerCase(domain)
      if (text === '*') any ??= host
      else if (text.startsWith('*')) put(suffixes, text.slice(1), host)
      else if (text.endsWith('*')) put(prefixes, text.slice(0, -1), host)
      else put(exact, text, host)
    }
  }
  const onlyAny = exact.size + suffixes.size + prefixes.size === 0
  return { exact, suffixes: byLength(suffixes), prefixes: byLength(prefixes), any, onlyAny }
}

function byLength(wildcards: ReadonlyMap<string, ChosenHost>): readonly Wildcards[] {
  const lengths = new Map<number, Map<string, ChosenHost>>()
  for (const [text, host] of wildcards) {
    const held = lengths.get(text.length)
    if (held === undefined) lengths.set(text.length, new Map([[text, host]]))
    else held.set(text, host)
  }
  return [...lengths].map(([length, hosts]) => ({ length, hosts })).sort((a, b) => b.length - a.length)
}

/** `host`: as hostOf gives it */
export function findVirtualHost(table: VirtualHostTable, host: string | undefined): ChosenHost | undefined {
  if (table.onlyAny) return table.any
  if (host === undefined) return undefined
  const exact = table.exact.get(host)
  if (exact !== undefined) return exact
  for (const { length, hosts } of table.suffixes) {
    if (length >= host.length) continue
    const found = hosts.get(host.slice(host.length - length))
    if (found !== undefined) return found
  }
  for (const { length, hosts } of table.prefixes) {
    if (length >= host.length) continue
    const found = hosts.get(host.slice(0, length))
    if (found !== undefined) return found
  }
  return table.any
}

/** What is compared with domains: the authority, or the header that vhost_header names, in lower case. Without that header there is none. */
export function hostOf({ ignorePortInHostMatching, vhostHeader }: RouteConfiguration, request: HttpRequest): string | undefined {
  const given = request.headerValues(vhostHeader ?? 'host')[0]
  if (given === undefined) return undefined
  return lowerCase(ignorePortInHostMatching ? withoutPort(given) : given)
}

/** Drops what follows the last ":", also nothing; not the colons of an IPv6 address in brackets. */
export function withoutPort(host: string): string {
  const start = portStart(host)
  return start < 0 ? host : host.slice(0, start)
}

/** where ":port" begins, or -1. Source: Envoy's http/header_utility.cc (getPortStart) */
export function portStart(host: string): number {
  const colon = host.lastIndexOf(':')
  return colon < host.lastIndexOf(']') ? -1 : colon
}
