/**
 * Hash policies of a route as rows. In: the policies. Out: the first km_hash and their number, or why user space must hash. compiler/http/route-hash.ts is the meaning.
 */
import {
  HASH_COOKIE,
  HASH_HEADER,
  HASH_MAKES,
  HASH_QUERY,
  HASH_SOURCE,
  HASH_TERMINAL,
  HASHES_MAX,
  hash as hashLayout,
} from '../../../proto/http/acting.ts'
import { HTTP_ROW_SIZE } from '../../../proto/http/tables.ts'
import type { HashPolicy } from '../../http/model.ts'
import { bytesOf } from '../../match/byte-text.ts'
import { headerQuestion } from './header-question.ts'
import type { ServiceScope } from './scope.ts'

export type LoweredHashes =
  | { readonly kind: 'hashes'; readonly first: number; readonly count: number }
  | { readonly kind: 'slow'; readonly why: string }

type Fields = Readonly<Record<string, number>>

export function lowerHashPolicies(policies: readonly HashPolicy[], scope: ServiceScope): LoweredHashes {
  const rows: { readonly layout: typeof hashLayout; readonly values: Fields }[] = []
  for (const policy of policies) {
    const fields = fieldsOf(policy, scope)
    if (fields === 'nothing') continue
    if (typeof fields === 'string') return { kind: 'slow', why: fields }
    const flags = (fields.flags ?? 0) | (policy.terminal ? HASH_TERMINAL : 0)
    rows.push({ layout: hashLayout, values: { ...fields, flags } })
  }
  if (rows.length > HASHES_MAX) return { kind: 'slow', why: `more than ${HASHES_MAX} hash policies` }
  return { kind: 'hashes', first: rows.length === 0 ? 0 : scope.builder.shareRun(rows), count: rows.length }
}

/** A text: why not; `nothing`: it never hashes anything. */
function fieldsOf(policy: HashPolicy, scope: ServiceScope): Fields | string {
  switch (policy.kind) {
    case 'header': {
      if (policy.rewrite !== undefined) return 'a hash policy that rewrites a header'
      if (policy.header.startsWith(':') || policy.header === 'host') return 'a hash policy on a pseudo header'
      const asked = headerQuestion(
        { name: policy.header, comparison: { kind: 'present' }, invert: false, missing: false, holds: () => true },
        scope.service,
      )
      if (asked.kind === 'constant' && !asked.holds) return 'nothing'
      if (asked.kind !== 'ask' || asked.subject.kind !== 'header')
        return `a hash policy on ${policy.header}, which the connection manager writes`
      return slotted(scope, policy.header, { kind: HASH_HEADER })
    }
    case 'cookie': {
      const name = placeName(policy.name, scope)
      if (name === undefined) return 'a hash policy on a cookie with a long name'
      return slotted(scope, 'cookie', { kind: HASH_COOKIE, flags: policy.ttl === undefined ? 0 : HASH_MAKES, ...name })
    }
    case 'query_parameter': {
      const name = placeName(policy.name, scope)
      return name === undefined ? 'a hash policy on a parameter with a long name' : { kind: HASH_QUERY, ...name }
    }
    case 'source_ip':
      return slotted(scope, 'x-forwarded-for', { kind: HASH_SOURCE })
    case 'filter_state':
      return 'nothing'
    case 'unknown':
      return 'a hash policy of an unknown kind'
  }
}

function slotted(scope: ServiceScope, header: string, fields: Fields): Fields | string {
  const slot = scope.interest(header)
  return slot === undefined ? 'its service reads or changes too many different headers' : { ...fields, slot }
}

function placeName(name: string, { builder }: ServiceScope): { readonly name: number; readonly length: number } | undefined {
  const bytes = bytesOf(name)
  if (bytes.length > HTTP_ROW_SIZE) return undefined
  const { row, length } = builder.text(bytes)
  return { name: row, length }
}
