/**
 * RouteMatch.headers: what envoy.config.route.v3.HeaderMatcher asks of a header. A header with several values fulfils it when one of them does; inverting
 * comes after that. A header that is missing fulfils nothing but present_match, not even an inverted matcher, unless it is treated as empty.
 * Source: Envoy's http/header_utility.cc and its reloadable feature match_headers_individually; tried on Envoy 1.40.
 */
import type { StringMatch } from '../http/model.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import type { Matcher } from './matcher.ts'
import { quote } from './matcher.ts'
import { parseDecimal } from './decimal.ts'
import { describeStringMatch, evalStringMatch, lowerCase, readRegex, readStringMatch } from './string-match.ts'

export interface HeaderMatch {
  readonly kind: 'header'
  /** lower-case */
  readonly name: string
  readonly test: HeaderTest
  readonly invert: boolean
  readonly missingIsEmpty: boolean
  /** several values are one, with commas: as Envoy did before 1.39 */
  readonly joined: boolean
}

export type HeaderTest =
  | { readonly kind: 'present'; readonly present: boolean }
  | { readonly kind: 'value'; readonly value: StringMatch }
  /** start <= value < end, signed 64 bits */
  | { readonly kind: 'range'; readonly start: bigint; readonly end: bigint }

export const header: Matcher<HeaderMatch> = {
  kind: 'header',
  read(at, { runtime }) {
    const individually = runtime.flag('envoy.reloadable_features.match_headers_individually', true)
    return at.messages('headers').map((matcher) => ({ ...readHeaderMatch(matcher), joined: !individually }))
  },
  eval: evalHeaderMatch,
  why(node, request) {
    const values = request.headerValues(node.name)
    const seen = values.length === 0 ? 'is missing' : `is ${values.map(quote).join(', ')}`
    return `the header ${node.name} ${seen}; it must ${describe(node)}`
  },
}

export function readHeaderMatch(at: Cursor): HeaderMatch {
  return {
    kind: 'header',
    name: lowerCase(at.string('name') ?? ''),
    test: readTest(at),
    invert: at.boolean('invert_match') ?? false,
    missingIsEmpty: at.boolean('treat_missing_header_as_empty') ?? false,
    joined: false,
  }
}

function readTest(at: Cursor): HeaderTest {
  const kind = at.oneof('header_match_specifier')
  switch (kind) {
    case undefined:
      return { kind: 'present', present: true }
    case 'present_match':
      return { kind: 'present', present: at.boolean(kind) ?? false }
    case 'range_match': {
      const range = at.message(kind)
      return { kind: 'range', start: wide(range?.raw('start')), end: wide(range?.raw('end')) }
    }
    case 'string_match':
      return { kind: 'value', value: readStringMatch(at.message(kind)) }
    case 'safe_regex_match':
      return { kind: 'value', value: { kind: 'regex', regex: readRegex(at.message(kind)) } }
    default: {
      const text = at.string(kind) ?? ''
      // an empty exact_match takes every value
      const form =
        kind === 'exact_match' && text === '' ? 'prefix' : (kind.slice(0, -'_match'.length) as 'exact' | 'prefix' | 'suffix' | 'contains')
      return { kind: 'value', value: { kind: form, text, ignoreCase: false } }
    }
  }
}

function wide(value: unknown): bigint {
  return typeof value === 'bigint' ? value : BigInt(typeof value === 'number' ? value : 0)
}

export function evalHeaderMatch(node: HeaderMatch, request: HttpRequest): boolean {
  const values = request.headerValues(node.name)
  const { test } = node
  if (test.kind === 'present') return ((values.length > 0 || node.missingIsEmpty) === test.present) !== node.invert
  if (values.length === 0) return node.missingIsEmpty && holds(test, '') !== node.invert
  if (node.joined) return holds(test, values.join(',')) !== node.invert
  for (const value of values) if (holds(test, value)) return !node.invert
  return node.invert
}

function holds(test: Exclude<HeaderTest, { kind: 'present' }>, value: string): boolean {
  if (test.kind === 'value') return evalStringMatch(test.value, value)
  const number = parseDecimal(value)
  return number !== undefined && number >= test.start && number < test.end
}

function describe({ test, invert, missingIsEmpty }: HeaderMatch): string {
  const not = invert ? 'not ' : ''
  if (test.kind === 'present') return test.present !== invert ? 'be there' : 'be missing'
  const what = test.kind === 'value' ? describeStringMatch(test.value) : `be a whole number from ${test.start} to below ${test.end}`
  return `${invert && !missingIsEmpty ? 'be there and ' : ''}${not}${what}`
}
