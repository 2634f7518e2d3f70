/**
 * A random RouteMatch. In: a sketch. Out: the match as proto3 JSON; what a request needs to fulfil it is left in the sketch.
 * Source: envoy.config.route.v3.RouteMatch.
 */
import type { JsonObject } from '../oracle/envoy.ts'
import { randomRegex } from './random-regex.ts'
import { randomTemplate } from './random-template.ts'
import type { Sketch } from './sketch.ts'
import { headerName, path, queryName, value } from './words.ts'

const TEMPLATE_MATCH = 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig'

export interface RandomMatch {
  readonly match: JsonObject
  /** variables of a template, when it is one */
  readonly variables: readonly string[] | undefined
}

export function randomMatch(sketch: Sketch): RandomMatch {
  const { match, variables } = pathMatch(sketch)
  const conditions = {
    ...sketch.maybe(0.08, 'case_sensitive', () => sketch.chance(0.3)),
    ...sketch.maybe(0.22, 'headers', () => sketch.many(1, 2, () => randomHeaderMatch(sketch))),
    ...sketch.maybe(0.12, 'query_parameters', () => sketch.many(1, 2, () => queryMatch(sketch))),
    ...sketch.maybe(0.06, 'cookies', () => [cookieMatch(sketch)]),
    ...sketch.maybe(0.06, 'grpc', () => grpcMatch(sketch)),
    ...sketch.maybe(0.06, 'runtime_fraction', () => fraction(sketch)),
    ...sketch.maybe(0.02, 'tls_context', () => ({
      ...sketch.maybe(0.5, 'presented', () => sketch.chance(0.5)),
      ...sketch.maybe(0.4, 'validated', () => sketch.chance(0.5)),
    })),
    ...sketch.maybe(0.02, 'dynamic_metadata', () => [
      {
        filter: 'f',
        path: [{ key: 'k' }],
        value: sketch.one([{ present_match: true }, { present_match: false }, { string_match: { exact: '' } }]),
        ...sketch.maybe(0.4, 'invert', () => true),
      },
    ]),
    ...sketch.maybe(0.02, 'filter_state', () => [{ key: 'k', string_match: { prefix: 'a' } }]),
  }
  return { match: { ...match, ...conditions }, variables }
}

function pathMatch(sketch: Sketch): RandomMatch {
  const text = path(sketch)
  const plain = (match: JsonObject): RandomMatch => ({ match, variables: undefined })
  switch (
    sketch.weighted([
      [30, 'prefix'],
      [18, 'path'],
      [16, 'regex'],
      [14, 'separated'],
      [12, 'template'],
      [8, 'all'],
      [2, 'connect'],
      [sketch.odd(0.2) ? 10 : 0, 'odd'],
    ] as const)
  ) {
    case 'prefix':
      sketch.paths.push(text)
      return plain({ prefix: text })
    case 'path':
      sketch.paths.push(text)
      return plain({ path: text })
    case 'regex': {
      const { pattern, example } = randomRegex(sketch, 'path')
      const slash = sketch.chance(0.85)
      sketch.paths.push(slash ? `/${example}` : example)
      return plain({ safe_regex: { regex: slash ? `/${pattern}` : pattern } })
    }
    case 'separated': {
      const trimmed = text.replace(/[/]+$/, '')
      const bare = trimmed.length > 1 ? trimmed : sketch.odd(0.3) ? '/' : '/a'
      sketch.paths.push(bare, `${bare}/b`)
      return plain({ path_separated_prefix: bare })
    }
    case 'template': {
      const { template, example, variables } = randomTemplate(sketch)
      sketch.paths.push(example)
      return {
        match: {
          path_match_policy: {
            name: 'envoy.path.match.uri_template.uri_template_matcher',
            typed_config: { '@type': TEMPLATE_MATCH, path_template: template },
          },
        },
        variables,
      }
    }
    case 'connect':
      sketch.methods.push('CONNECT')
      return plain({ connect_matcher: {} })
    case 'odd':
      return plain(
        sketch.one<JsonObject>([
          { prefix: 'a' },
          { path: 'a' },
          { path_separated_prefix: '/a?b' },
          { path_separated_prefix: '/a#' },
          { path_separated_prefix: 'a' },
          { prefix: '/a?b' },
          { path: '/a?b' },
          { path: '' },
          {},
        ]),
      )
    default:
      return plain({ prefix: sketch.one(['/', '/', '']) })
  }
}

export function randomHeaderMatch(sketch: Sketch): JsonObject {
  const name = sketch.weighted([
    [12, headerName(sketch)],
    [1, ':method'],
    [1, ':path'],
    [1, ':authority'],
    [1, ':scheme'],
    [1, sketch.one(['host', 'Host', 'x-forwarded-proto', 'content-type', 'x-envoy-internal', ':status', 'te', 'x-forwarded-host'])],
  ])
  const text =
    name === ':method' ? sketch.one(['GET', 'POST', 'get']) : name === ':path' ? path(sketch) : name === ':scheme' ? 'http' : value(sketch)
  const { example, test } = headerTest(sketch, text)
  if (!name.startsWith(':') && name.toLowerCase() !== 'host') sketch.headers.push([name, example])
  return {
    name,
    ...test,
    ...sketch.maybe(0.2, 'invert_match', () => sketch.chance(0.9)),
    ...sketch.maybe(0.15, 'treat_missing_header_as_empty', () => sketch.chance(0.9)),
  }
}

function headerTest(sketch: Sketch, text: string): { readonly test: JsonObject; readonly example: string } {
  const part = text.slice(0, sketch.whole(0, text.length))
  switch (sketch.whole(0, 9)) {
    case 0:
      return { test: { exact_match: sketch.chance(0.9) ? text : '' }, example: text }
    case 1:
      return sketch.chance(0.5)
        ? { test: { prefix_match: part || text }, example: text }
        : { test: { suffix_match: text.slice(-2) }, example: text }
    case 2:
      return { test: { contains_match: part || text }, example: text }
    case 3: {
      const { pattern, example } = randomRegex(sketch, 'value')
      return { test: { safe_regex_match: { regex: pattern } }, example }
    }
    case 4: {
      const start = sketch.one([0, 5, -3, 10])
      return {
        test: { range_match: { start, end: start + sketch.one([1, 5, 0, -2]) } },
        example: sketch.one([String(start), String(start + 1), `+${start}`, `0${start}`, ` ${start}`, `${start}.0`, String(start + 5)]),
      }
    }
    case 5:
      return { test: { present_match: sketch.chance(0.7) }, example: text }
    case 6:
      return { test: {}, example: text }
    default: {
      const { match, example } = randomStringMatch(sketch, text)
      return { test: { string_match: match }, example }
    }
  }
}

export function randomStringMatch(sketch: Sketch, text: string): { readonly match: JsonObject; readonly example: string } {
  const part = text.slice(0, sketch.whole(1, Math.max(1, text.length)))
  const ignore = sketch.maybe(0.3, 'ignore_case', () => sketch.chance(0.9))
  switch (sketch.whole(0, 4)) {
    case 0:
      return { match: { exact: !sketch.odd(0.1) ? text : '', ...ignore }, example: text }
    case 1:
      return { match: { prefix: part, ...ignore }, example: text }
    case 2:
      return { match: { suffix: text.slice(-2), ...ignore }, example: text }
    case 3:
      return { match: { contains: part, ...ignore }, example: text }
    default: {
      const { pattern, example } = randomRegex(sketch, 'value')
      return { match: { safe_regex: { regex: pattern } }, example }
    }
  }
}

function queryMatch(sketch: Sketch): JsonObject {
  const name = queryName(sketch)
  const text = sketch.one(['1', 'a', 'ab', '', 'a b', 'a%20b', 'x=y', 'A'])
  if (sketch.chance(0.3)) {
    sketch.query.push([name, text])
    return { name, ...sketch.maybe(0.7, 'present_match', () => sketch.chance(0.8)) }
  }
  const { match, example } = randomStringMatch(sketch, text || 'a')
  sketch.query.push([name, example])
  return { name, string_match: match }
}

/** shares that leave no doubt */
export function fraction(sketch: Sketch): JsonObject {
  const denominator = sketch.one(['HUNDRED', 'TEN_THOUSAND', 'MILLION'])
  const whole = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }[denominator] ?? 100
  return {
    default_value: {
      ...sketch.maybe(0.9, 'numerator', () => sketch.one([0, whole, whole, whole + 1])),
      ...(denominator === 'HUNDRED' && sketch.chance(0.5) ? {} : { denominator }),
    },
    ...sketch.maybe(0.4, 'runtime_key', () => 'a.key'),
  }
}

function cookieMatch(sketch: Sketch): JsonObject {
  const name = sketch.one(['k', 'sid', 'K'])
  const { match, example } = randomStringMatch(sketch, sketch.one(['a', 'ab', '1', 'A', 'x=y']))
  const rest = sketch.one(['', '; b=c', '; sid=2', ';k=zz', '; k'])
  sketch.headers.push([
    'cookie',
    sketch.one([`${name}=${example}${rest}`, `b=c; ${name}=${example}`, `${name}="${example}"`, `${name}=`, ` ${name} =${example}`]),
  ])
  return {
    ...(sketch.odd(0.05) ? {} : { name }),
    ...(sketch.odd(0.05) ? {} : { string_match: match }),
    ...sketch.maybe(0.2, 'invert_match', () => sketch.chance(0.8)),
  }
}

function grpcMatch(sketch: Sketch): JsonObject {
  sketch.headers.push([
    'content-type',
    sketch.one(['application/grpc', 'application/grpc+proto', 'application/grpcx', 'application/grpc;a', 'text/plain']),
  ])
  return {}
}
