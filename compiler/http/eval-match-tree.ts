/**
 * What a generic matcher gives for a request. In: a MatchTree. Out: the routes of the leaf that took it, nothing, or why it cannot be judged.
 * The first entry whose predicate holds decides; when what it leads to ends in nothing, on_no_match of that matcher follows, not the entries behind it.
 * Source: xds/type/matcher/v3/matcher.proto; Envoy's common/matcher (list_matcher.h, map_matcher.h, prefix_map_matcher.h).
 */
import { describeStringMatch, evalStringMatch } from '../match/string-match.ts'
import { quote } from '../match/matcher.ts'
import type { MatchInput, MatchNext, MatchTree, Predicate, Route } from './model.ts'
import type { HttpRequest } from './request.ts'
import type { Tried } from './route-choice.ts'

export type TreeResult =
  | { readonly kind: 'routes'; readonly routes: readonly Route[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'undecided'; readonly why: string }

const NONE: TreeResult = { kind: 'none' }

export function evalMatchTree(tree: MatchTree, request: HttpRequest, trail: Tried[] | undefined): TreeResult {
  const found = tree.kind === 'list' ? evalList(tree, request, trail) : evalMap(tree, request, trail)
  if (found.kind !== 'none' || tree.otherwise === undefined) return found
  return follow(tree.otherwise, request, trail)
}

function follow(next: MatchNext, request: HttpRequest, trail: Tried[] | undefined): TreeResult {
  if (next.kind === 'tree') return evalMatchTree(next.tree, request, trail)
  if (next.kind === 'unknown') return { kind: 'undecided', why: `${next.path}: the action ${next.type} is no route` }
  return { kind: 'routes', routes: next.routes }
}

function evalList(tree: Extract<MatchTree, { kind: 'list' }>, request: HttpRequest, trail: Tried[] | undefined): TreeResult {
  for (const { predicate, next } of tree.entries) {
    const held = evalPredicate(predicate, request)
    if (typeof held === 'string') return { kind: 'undecided', why: held }
    if (!held) {
      trail?.push({ path: pathOf(predicate), name: '', why: whyNot(predicate, request) })
      continue
    }
    const found = follow(next, request, trail)
    // keep_matching: the action is recorded and the search goes on; routing records nothing
    if (found.kind !== 'none' && !next.keepMatching) return found
  }
  return NONE
}

function evalMap(tree: Extract<MatchTree, { kind: 'map' }>, request: HttpRequest, trail: Tried[] | undefined): TreeResult {
  const value = inputOf(tree.input, request)
  if (typeof value === 'object') return { kind: 'undecided', why: `${tree.path}: ${value.unknown}` }
  if (tree.form === 'unknown') return { kind: 'undecided', why: `${tree.path}: a custom matcher` }
  if (value === undefined) return NONE
  for (const key of tree.form === 'exact' ? [value] : prefixes(value)) {
    const next = tree.entries.get(key)
    if (next === undefined) continue
    const found = follow(next, request, trail)
    if (found.kind !== 'none' && !next.keepMatching) return found
    if (tree.form === 'exact') return NONE
  }
  trail?.push({ path: tree.path, name: '', why: `${quote(value)} is not in the map` })
  return NONE
}

/** longest first */
function* prefixes(value: string): Generator<string> {
  for (let length = value.length; length > 0; length--) yield value.slice(0, length)
}

/** A text: it cannot be judged. */
function evalPredicate(predicate: Predicate, request: HttpRequest): boolean | string {
  switch (predicate.kind) {
    case 'unknown':
      return `${predicate.path}: the matcher ${predicate.type} is not known`
    case 'not': {
      const held = evalPredicate(predicate.of, request)
      return typeof held === 'string' ? held : !held
    }
    case 'single': {
      if (predicate.value.kind === 'unknown') return `${predicate.path}: the matcher ${predicate.value.type} is not known`
      const value = inputOf(predicate.input, request)
      if (typeof value === 'object') return `${predicate.path}: ${value.unknown}`
      return value !== undefined && evalStringMatch(predicate.value, value)
    }
    default: {
      const decides = predicate.kind === 'or'
      for (const inner of predicate.of) {
        const held = evalPredicate(inner, request)
        if (typeof held === 'string' || held === decides) return held
      }
      return !decides
    }
  }
}

function inputOf(input: MatchInput, request: HttpRequest): string | undefined | { readonly unknown: string } {
  switch (input.kind) {
    case 'request_header': {
      const values = request.headerValues(input.name)
      return values.length === 0 ? undefined : values.join(',')
    }
    case 'query_parameter':
      return request.query.get(input.name)
    case 'source_ip':
      return addressOf(request.source, 'source') ?? { unknown: 'the request names no source' }
    case 'source_port':
      return portOf(request.source) ?? { unknown: 'the request names no source port' }
    case 'destination_ip':
      return addressOf(request.destination, 'destination') ?? { unknown: 'the request names no destination' }
    case 'destination_port':
      return portOf(request.destination) ?? { unknown: 'the request names no destination port' }
    case 'server_name':
      return request.tls ? { unknown: 'the server name of the TLS handshake is not known' } : undefined
    default:
      return { unknown: `the input ${input.type} is not known` }
  }
}

function addressOf(text: string | undefined, _side: string): string | undefined {
  if (text === undefined) return undefined
  if (text.startsWith('[')) return text.slice(1, text.indexOf(']'))
  return text.indexOf(':') === text.lastIndexOf(':') ? text.split(':')[0] : text
}

function portOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : /(?:^[^:]*|\]):(\d+)$/.exec(text)?.[1]
}

function pathOf(predicate: Predicate): string {
  if (predicate.kind === 'not') return pathOf(predicate.of)
  if (predicate.kind === 'and' || predicate.kind === 'or') return predicate.of[0] === undefined ? '' : pathOf(predicate.of[0])
  return predicate.path
}

function whyNot(predicate: Predicate, request: HttpRequest): string {
  if (predicate.kind === 'single') {
    const value = inputOf(predicate.input, request)
    return `${predicate.input.kind} ${typeof value === 'string' ? quote(value) : 'is missing and'} does not ${describeStringMatch(predicate.value)}`
  }
  if (predicate.kind === 'not') return 'what must not hold does'
  return predicate.kind === 'or' ? 'none of its alternatives holds' : 'not all of its conditions hold'
}
