/**
 * Domains as names and lengths. In: the virtual hosts of a service with their rows. Out: what km_service and km_wildcards say of hosts. Of a domain that is there twice
 * the first counts. Source: compiler/http/virtual-hosts.ts, which is the meaning.
 */
import {
  NAME_DOMAIN,
  NAME_DOMAIN_PREFIX,
  NAME_DOMAIN_SUFFIX,
  SERVICE_WILDCARDS,
  SERVICE_WILDCARDS_SLOW,
  WILDCARD_LENGTHS,
} from '../../../proto/http/matching.ts'
import { bytesOf } from '../../match/byte-text.ts'
import type { VirtualHost } from '../../http/model.ts'
import type { ServiceScope } from './scope.ts'
import { lowerText } from './text.ts'

export interface PlacedDomains {
  /** row of the virtual host of "*"; 0: none */
  readonly any: number
  /** SERVICE_WILDCARDS and the like */
  readonly flags: number
  readonly suffix: readonly number[]
  readonly prefix: readonly number[]
  /** false: two domains have the same hash, so the service is for user space */
  readonly complete: boolean
}

export function placeDomains(hosts: readonly { readonly host: VirtualHost; readonly row: number }[], scope: ServiceScope): PlacedDomains {
  const seen = { exact: new Set<string>(), suffix: new Set<string>(), prefix: new Set<string>() }
  let any = 0
  let complete = true
  const enter = (form: keyof typeof seen, kind: number, text: string, row: number): void => {
    if (seen[form].has(text)) return
    seen[form].add(text)
    if (!scope.builder.name({ scope: scope.row, kind, text, target: row })) complete = false
  }
  for (const { host, row } of hosts) {
    for (const domain of host.domains) {
      const text = lowerText(bytesOf(domain))
      if (text === '*') any ||= row
      else if (text.startsWith('*')) enter('suffix', NAME_DOMAIN_SUFFIX, text.slice(1), row)
      else if (text.endsWith('*')) enter('prefix', NAME_DOMAIN_PREFIX, text.slice(0, -1), row)
      else enter('exact', NAME_DOMAIN, text, row)
    }
  }
  const suffix = lengthsOf(seen.suffix)
  const prefix = lengthsOf(seen.prefix)
  const fits = suffix.length <= WILDCARD_LENGTHS && prefix.length <= WILDCARD_LENGTHS
  const flags = suffix.length + prefix.length === 0 ? 0 : fits ? SERVICE_WILDCARDS : SERVICE_WILDCARDS_SLOW
  if (flags === SERVICE_WILDCARDS) scope.builder.uses('wildcards')
  return { any, flags, suffix: fits ? suffix : [], prefix: fits ? prefix : [], complete }
}

/** longest first */
function lengthsOf(texts: ReadonlySet<string>): readonly number[] {
  return [...new Set([...texts].map(({ length }) => length))].sort((a, b) => b - a)
}
