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

/** `rowOf`: of a virtual host, by its index */
export function placeDomains(hosts: readonly VirtualHost[], rowOf: (index: number) => number, scope: ServiceScope): PlacedDomains {
  const suffixes = new Set<number>()
  const prefixes = new Set<number>()
  let any = 0
  let complete = true
  // of a name that is there already the first target stays
  const enter = (kind: number, text: string, row: number): void => {
    if (!scope.builder.name({ scope: scope.row, kind, text, target: row })) complete = false
  }
  for (const [index, { domains }] of hosts.entries()) {
    const row = rowOf(index)
    for (const domain of domains) {
      const text = lowerText(bytesOf(domain))
      if (text === '*') any ||= row
      else if (text.startsWith('*')) {
        suffixes.add(text.length - 1)
        enter(NAME_DOMAIN_SUFFIX, text.slice(1), row)
      } else if (text.endsWith('*')) {
        prefixes.add(text.length - 1)
        enter(NAME_DOMAIN_PREFIX, text.slice(0, -1), row)
      } else enter(NAME_DOMAIN, text, row)
    }
  }
  const suffix = longestFirst(suffixes)
  const prefix = longestFirst(prefixes)
  const fits = suffix.length <= WILDCARD_LENGTHS && prefix.length <= WILDCARD_LENGTHS
  const flags = suffix.length + prefix.length === 0 ? 0 : fits ? SERVICE_WILDCARDS : SERVICE_WILDCARDS_SLOW
  if (flags === SERVICE_WILDCARDS) scope.builder.uses('wildcards')
  return { any, flags, suffix: fits ? suffix : [], prefix: fits ? prefix : [], complete }
}

function longestFirst(lengths: ReadonlySet<number>): readonly number[] {
  return [...lengths].sort((a, b) => b - a)
}
