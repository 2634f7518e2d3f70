/**
 * xds.type.matcher.v3.Matcher of a virtual host. In: its cursor and how to read a Route. Out: a MatchTree whose leaves are routes.
 * Source: xds/type/matcher/v3/matcher.proto, and the inputs of envoy.type.matcher.v3 (http_inputs.proto) and envoy.extensions.matching.
 */
import type { Cursor } from '../input/cursor.ts'
import { lowerCase, readStringMatch } from '../match/string-match.ts'
import type { MatchInput, MatchNext, MatchTree, Predicate, Route } from './model.ts'

type ReadRoute = (at: Cursor) => Route

export function readMatchTree(at: Cursor, readRoute: ReadRoute): MatchTree {
  const none = at.message('on_no_match')
  const otherwise = none === undefined ? undefined : readNext(none, readRoute)
  const tree = at.message('matcher_tree')
  if (tree === undefined) {
    const entries = at.message('matcher_list')?.messages('matchers') ?? []
    return {
      kind: 'list',
      otherwise,
      entries: entries.map((entry) => ({
        predicate: readPredicate(entry.message('predicate')),
        next: readNext(entry.message('on_match'), readRoute),
      })),
    }
  }
  const kind = tree.oneof('tree_type')
  const map = kind === 'exact_match_map' || kind === 'prefix_match_map' ? (tree.message(kind)?.map('map') ?? []) : []
  return {
    kind: 'map',
    path: tree.path,
    input: readInput(tree.message('input')),
    form: kind === 'prefix_match_map' ? 'prefix' : kind === 'exact_match_map' ? 'exact' : 'unknown',
    entries: new Map(map.map(([key, next]) => [key, readNext(next, readRoute)])),
    otherwise,
  }
}

const ROUTE = 'envoy.config.route.v3.Route'
const ROUTE_LIST = 'envoy.config.route.v3.RouteList'

function readNext(at: Cursor | undefined, readRoute: ReadRoute): MatchNext {
  const keepMatching = at?.boolean('keep_matching') ?? false
  const tree = at?.message('matcher')
  if (tree !== undefined) return { kind: 'tree', tree: readMatchTree(tree, readRoute), keepMatching }
  const action = at?.message('action')?.any('typed_config')
  if (action?.type === ROUTE && action.known) return { kind: 'routes', path: action.path, routes: [readRoute(action)], keepMatching }
  if (action?.type === ROUTE_LIST && action.known)
    return { kind: 'routes', path: action.path, routes: action.messages('routes').map(readRoute), keepMatching }
  return { kind: 'unknown', path: at?.path ?? '', type: action?.type ?? 'nothing', keepMatching }
}

function readPredicate(at: Cursor | undefined): Predicate {
  const kind = at?.oneof('match_type')
  if (at === undefined || kind === undefined) return { kind: 'unknown', path: at?.path ?? '', type: 'nothing' }
  const inner = at.message(kind) as Cursor
  switch (kind) {
    case 'or_matcher':
      return { kind: 'or', of: inner.messages('predicate').map(readPredicate) }
    case 'and_matcher':
      return { kind: 'and', of: inner.messages('predicate').map(readPredicate) }
    case 'not_matcher':
      return { kind: 'not', of: readPredicate(inner) }
    default: {
      const custom = inner.message('custom_match')?.any('typed_config')
      if (custom !== undefined) return { kind: 'unknown', path: inner.path, type: custom.type }
      return {
        kind: 'single',
        path: inner.path,
        input: readInput(inner.message('input')),
        value: readStringMatch(inner.message('value_match')),
      }
    }
  }
}

const INPUTS: Readonly<Record<string, 'source_ip' | 'source_port' | 'destination_ip' | 'destination_port' | 'server_name'>> = {
  'envoy.extensions.matching.common_inputs.network.v3.SourceIPInput': 'source_ip',
  'envoy.extensions.matching.common_inputs.network.v3.SourcePortInput': 'source_port',
  'envoy.extensions.matching.common_inputs.network.v3.DestinationIPInput': 'destination_ip',
  'envoy.extensions.matching.common_inputs.network.v3.DestinationPortInput': 'destination_port',
  'envoy.extensions.matching.common_inputs.network.v3.ServerNameInput': 'server_name',
}

function readInput(at: Cursor | undefined): MatchInput {
  const input = at?.any('typed_config')
  if (input === undefined) return { kind: 'unknown', type: 'nothing' }
  if (input.type === 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput')
    return { kind: 'request_header', name: lowerCase(input.string('header_name') ?? '') }
  if (input.type === 'envoy.type.matcher.v3.HttpRequestQueryParamMatchInput')
    return { kind: 'query_parameter', name: input.string('query_param') ?? '' }
  const kind = INPUTS[input.type]
  return kind === undefined ? { kind: 'unknown', type: input.type } : { kind }
}
