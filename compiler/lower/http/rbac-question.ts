/**
 * RBAC policies as questions. In: the rules of compiler/action/rbac-rule.ts (its eval function is the meaning) and the service. Out: one question: does any policy name
 * this request? What certificates, metadata or other extensions would tell is unknown.
 */
import type { Cidr } from '../../action/cidr.ts'
import type { RbacPolicy } from '../../action/rbac.ts'
import type { RbacRule } from '../../action/rbac-rule.ts'
import type { HttpService } from '../../ir/program.ts'
import { evalStringMatch } from '../../match/string-match.ts'
import { headerQuestion } from './header-question.ts'
import { headerMatchQuestion, stringComparison } from './match-question.ts'
import { ALWAYS, NEVER, type Question } from './question.ts'

const MAPPED_BITS = 96
const ADDRESS_BYTES = 16
const MAPPED: Question = { kind: 'source', address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0), bits: MAPPED_BITS }

export function policiesQuestion(policies: readonly RbacPolicy[], service: HttpService): Question {
  return {
    kind: 'any',
    of: policies.map(({ permissions, principals, condition, name }) => ({
      kind: 'all',
      of: [
        ruleQuestion(permissions, service),
        ruleQuestion(principals, service),
        condition === true ? { kind: 'unknown', why: `the CEL condition of policy "${name}"` } : ALWAYS,
      ],
    })),
  }
}

function ruleQuestion(rule: RbacRule, service: HttpService): Question {
  switch (rule.kind) {
    case 'any':
      return ALWAYS
    case 'and':
    case 'or':
      return { kind: rule.kind === 'and' ? 'all' : 'any', of: rule.of.map((one) => ruleQuestion(one, service)) }
    case 'not':
      return { kind: 'not', of: ruleQuestion(rule.of, service) }
    case 'header':
      return headerMatchQuestion(rule.header, service)
    case 'path': {
      const comparison = stringComparison(rule.path)
      if ('unknown' in comparison) return { kind: 'unknown', why: comparison.unknown }
      return { kind: 'ask', subject: { kind: 'path' }, comparison, invert: false, missing: false }
    }
    case 'source_ip':
      return sourceQuestion(rule.range)
    case 'remote_ip':
      return unlessForwarded(sourceQuestion(rule.range), service)
    case 'server_name':
      return evalStringMatch(rule.name, '') ? ALWAYS : NEVER
    case 'authenticated':
      return NEVER
    case 'metadata':
      // no filter that would set any is in the kernel's chain
      return rule.invert ? ALWAYS : NEVER
    case 'destination_ip':
    case 'destination_port':
      return { kind: 'unknown', why: `rbac ${rule.kind}` }
    case 'unknown':
      return { kind: 'unknown', why: `rbac ${rule.what}` }
  }
}

/** IPv4 and IPv6 never meet. */
function sourceQuestion(range: Cidr | undefined): Question {
  if (range === undefined) return NEVER
  const address = new Uint8Array(ADDRESS_BYTES)
  if (range.family === 4) {
    address.set([0xff, 0xff], ADDRESS_BYTES - 6)
    writeBigEndian(address, range.address, 4)
    return { kind: 'source', address, bits: MAPPED_BITS + range.bits }
  }
  writeBigEndian(address, range.address, ADDRESS_BYTES)
  return {
    kind: 'all',
    of: [
      { kind: 'source', address, bits: range.bits },
      { kind: 'not', of: MAPPED },
    ],
  }
}

function writeBigEndian(bytes: Uint8Array, value: bigint, count: number): void {
  for (let i = 0; i < count; i++) bytes[bytes.length - 1 - i] = Number((value >> BigInt(8 * i)) & 0xffn)
}

/** Who the client is, x-forwarded-for may say. */
function unlessForwarded(question: Question, service: HttpService): Question {
  const forwarded = headerQuestion(
    { name: 'x-forwarded-for', comparison: { kind: 'present' }, invert: false, missing: false, holds: () => true },
    service,
  )
  const unknown: Question = { kind: 'unknown', why: 'the client that x-forwarded-for names' }
  // where the connection manager writes it, a client's own is barred
  if (forwarded.kind === 'unknown') return question
  return {
    kind: 'any',
    of: [
      { kind: 'all', of: [{ kind: 'not', of: forwarded }, question] },
      { kind: 'all', of: [forwarded, unknown] },
    ],
  }
}
