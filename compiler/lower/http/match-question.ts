/**
 * The conditions of a route as questions. In: nodes of compiler/match (their eval functions are the meaning) and the service. Out: one question each. Path conditions
 * are asked of the path here; paths.ts leaves out what the tables of paths say already.
 */
import type { HttpService } from '../../ir/program.ts'
import type { StringMatch } from '../../http/model.ts'
import type { HeaderMatch, HeaderTest } from '../../match/header.ts'
import type { QueryParameterMatch } from '../../match/query-parameter.ts'
import type { Match } from '../../match/table.ts'
import { bytesOf } from '../../match/byte-text.ts'
import { evalStringMatch } from '../../match/string-match.ts'
import { headerQuestion } from './header-question.ts'
import type { Comparison, Question } from './question.ts'
import { NEVER } from './question.ts'

export function matchQuestion(match: Match, service: HttpService): Question {
  switch (match.kind) {
    case 'prefix':
      return pathQuestion('prefix', match.text, casingOf(match))
    case 'path':
      return pathQuestion('exact', match.text, casingOf(match))
    case 'path_separated_prefix':
      return {
        kind: 'any',
        of: [pathQuestion('exact', match.text, casingOf(match)), pathQuestion('prefix', `${match.text}/`, casingOf(match))],
      }
    case 'safe_regex':
      return match.regex.error === undefined ? onPath({ kind: 'regex', source: match.regex.source }) : NEVER
    case 'path_match_policy':
      if (match.template === undefined) return { kind: 'unknown', why: `the path match policy ${match.type}` }
      return match.error === undefined && match.regex.error === undefined ? onPath({ kind: 'regex', source: match.regex.source }) : NEVER
    case 'connect_matcher':
      // CONNECT never comes here
      return NEVER
    case 'header':
      return headerMatchQuestion(match, service)
    case 'query_parameter':
      return queryQuestion(match)
    case 'cookie':
      return { kind: 'unknown', why: `a condition on the cookie ${match.name}` }
    case 'runtime_fraction':
      return { kind: 'fraction', numerator: match.fraction.numerator, denominator: match.fraction.denominator }
    case 'grpc':
      return grpcQuestion(service)
    case 'tls_context':
      return { kind: 'constant', holds: match.presented !== true && match.validated !== true }
    case 'dynamic_metadata':
      return { kind: 'constant', holds: match.invert }
    case 'filter_state':
      return NEVER
  }
}

/** Whether case counts; a folded text is lower-case. */
export type Casing = 'sensitive' | 'folded'

function casingOf({ caseSensitive }: { readonly caseSensitive: boolean }): Casing {
  return caseSensitive ? 'sensitive' : 'folded'
}

/** The path, without query, is or begins with a text. */
export function pathQuestion(kind: 'exact' | 'prefix', text: string, casing: Casing): Question {
  return onPath({ kind, text: bytesOf(text), fold: casing === 'folded' })
}

function onPath(comparison: Comparison): Question {
  return { kind: 'ask', subject: { kind: 'path' }, comparison, invert: false, missing: false }
}

/** Also for filters, which ask of headers in the same form. */
export function headerMatchQuestion({ name, test, invert, missingIsEmpty, joined }: HeaderMatch, service: HttpService): Question {
  if (test.kind === 'present') {
    // there, or treated as if it were
    if (missingIsEmpty) return { kind: 'constant', holds: test.present !== invert }
    const wanted = test.present !== invert
    return headerQuestion({ name, comparison: { kind: 'present' }, invert: !wanted, missing: !wanted, holds: () => true }, service)
  }
  const comparison = comparisonOf(test)
  if ('unknown' in comparison) return { kind: 'unknown', why: comparison.unknown }
  const holds = (text: string): boolean => holdsFor(test, text)
  return headerQuestion({ name, comparison, invert, missing: missingIsEmpty && holds('') !== invert, holds, joined }, service)
}

function holdsFor(test: Exclude<HeaderTest, { kind: 'present' }>, text: string): boolean {
  // nothing that is known at compile time is a number
  return test.kind === 'value' && evalStringMatch(test.value, text)
}

function comparisonOf(test: Exclude<HeaderTest, { kind: 'present' }>): Comparison | { readonly unknown: string } {
  return test.kind === 'range' ? { kind: 'range', start: test.start, end: test.end } : stringComparison(test.value)
}

export function stringComparison(match: StringMatch): Comparison | { readonly unknown: string } {
  switch (match.kind) {
    case 'unknown':
      return { unknown: `the matcher ${match.type}` }
    case 'regex':
      return match.regex.error === undefined ? { kind: 'regex', source: match.regex.source } : { unknown: 'an invalid regex' }
    default:
      return { kind: match.kind, text: bytesOf(match.text), fold: match.ignoreCase }
  }
}

function queryQuestion({ name, test }: QueryParameterMatch): Question {
  const subject = { kind: 'query', name: bytesOf(name) } as const
  if (test.kind === 'present')
    return { kind: 'ask', subject, comparison: { kind: 'present' }, invert: !test.present, missing: !test.present }
  const comparison = stringComparison(test.value)
  if ('unknown' in comparison) return { kind: 'unknown', why: comparison.unknown }
  return { kind: 'ask', subject, comparison, invert: false, missing: false }
}

/** Source: Envoy's grpc/common.cc (hasGrpcContentType). */
export function grpcQuestion(service: HttpService): Question {
  const ask = (comparison: Comparison & { readonly text: string }): Question =>
    headerQuestion(
      {
        name: 'content-type',
        comparison,
        invert: false,
        missing: false,
        holds: () => false,
      },
      service,
    )
  return {
    kind: 'any',
    of: [ask({ kind: 'exact', text: 'application/grpc', fold: false }), ask({ kind: 'prefix', text: 'application/grpc+', fold: false })],
  }
}
