/**
 * The list of match conditions. In: a RouteMatch; out: its conditions as nodes, whether a request fulfils them, and why not. All must hold; the path
 * condition comes first, since it is the one that tells most routes apart. Which order is taken changes no answer: no condition has an effect.
 */
import type { HttpRequest } from '../http/request.ts'
import { createShare, slotOfText } from './share.ts'
import type { Cursor } from '../input/cursor.ts'
import { type ConnectMatch, connect } from './connect.ts'
import { type CookieMatch, cookie } from './cookie.ts'
import { type DynamicMetadataMatch, dynamicMetadata } from './dynamic-metadata.ts'
import { type FilterStateMatch, filterState } from './filter-state.ts'
import { type GrpcMatch, grpc } from './grpc.ts'
import { type HeaderMatch, header } from './header.ts'
import type { Matcher, MatchSettings, PathMatcher } from './matcher.ts'
import { type ExactPathMatch, path } from './path.ts'
import { type PathSeparatedPrefixMatch, pathSeparatedPrefix } from './path-separated-prefix.ts'
import { type PrefixMatch, prefix } from './prefix.ts'
import { type QueryParameterMatch, queryParameter } from './query-parameter.ts'
import { type RuntimeFractionMatch, runtimeFraction } from './runtime-fraction.ts'
import { type SafeRegexMatch, safeRegex } from './safe-regex.ts'
import { type TlsContextMatch, tlsContext } from './tls-context.ts'
import { type PathPolicyMatch, uriTemplate } from './uri-template.ts'

export type PathMatch = PrefixMatch | ExactPathMatch | SafeRegexMatch | PathSeparatedPrefixMatch | ConnectMatch | PathPolicyMatch
export type Match =
  | PathMatch
  | RuntimeFractionMatch
  | HeaderMatch
  | QueryParameterMatch
  | CookieMatch
  | GrpcMatch
  | TlsContextMatch
  | DynamicMetadataMatch
  | FilterStateMatch

type Rules = { readonly [Kind in Match['kind']]: Matcher<Extract<Match, { readonly kind: Kind }>> }
type PathRules = { readonly [Kind in PathMatch['kind']]: PathMatcher<Extract<PathMatch, { readonly kind: Kind }>> }

const PATHS: PathRules = {
  prefix,
  path,
  safe_regex: safeRegex,
  path_separated_prefix: pathSeparatedPrefix,
  connect_matcher: connect,
  path_match_policy: uriTemplate,
}

const RULES: Rules = {
  ...PATHS,
  header,
  query_parameter: queryParameter,
  cookie,
  runtime_fraction: runtimeFraction,
  grpc,
  tls_context: tlsContext,
  dynamic_metadata: dynamicMetadata,
  filter_state: filterState,
}

const READERS = Object.values(RULES) as readonly Matcher<Match>[]
const NO_MATCH: readonly Match[] = []

/** Conditions of a RouteMatch, in the order of RULES. */
export function readMatch(at: Cursor, settings: MatchSettings): readonly Match[] {
  let found: readonly Match[] = NO_MATCH
  for (const rule of READERS) {
    const read = rule.read(at, settings)
    if (read.length > 0) found = found.length === 0 ? read : [...found, ...read]
  }
  const [only] = found
  return found.length === 1 && (only?.kind === 'prefix' || only?.kind === 'path') ? alone(sharePath(only)) : found
}

type TextMatch = PrefixMatch | ExactPathMatch

const sharePath = createShare<TextMatch>(1 << 10, ({ text }) => slotOfText(text))
const lists = new WeakMap<TextMatch, readonly Match[]>()

/** Most routes ask for a path and nothing else, and many for the same. */
function alone(match: TextMatch): readonly Match[] {
  const held = lists.get(match) ?? [match]
  lists.set(match, held)
  return held
}

/** The first condition that does not hold; undefined when all do. A CONNECT has no path: no other path condition takes it (supportsPathlessHeaders). */
export function firstMismatch(match: readonly Match[], request: HttpRequest): Match | undefined {
  if (request.method === 'CONNECT' && match[0] !== undefined && match[0].kind !== 'connect_matcher') return match[0]
  for (const node of match) if (!(RULES[node.kind] as Matcher<Match>).eval(node, request)) return node
  return undefined
}

export function explainMismatch(node: Match, request: HttpRequest): string {
  if (request.method === 'CONNECT' && node.kind !== 'connect_matcher' && (RULES[node.kind] as Matcher<Match>).eval(node, request))
    return 'a CONNECT request has no path, which only connect_matcher takes'
  return (RULES[node.kind] as Matcher<Match>).why(node, request)
}

/** What prefix_rewrite replaces under a match that held. */
export function matchedPath(match: readonly Match[], request: HttpRequest): string {
  const [node] = match
  const rule = node === undefined ? undefined : (PATHS as Readonly<Record<string, unknown>>)[node.kind]
  return node === undefined || rule === undefined ? '' : (rule as PathMatcher<Match>).matched(node, request)
}
