/**
 * A random routing case. In: a seed and a number. Out: a route configuration that covers what a snapshot may say about routing, and requests at its boundaries.
 * Some configurations are such that Envoy refuses them. Invariant: the same seed and number give the same case, whichever others are drawn.
 */
import type { Json, JsonObject } from '../oracle/envoy.ts'
import { randomAction } from './random-action.ts'
import { randomFilters, randomHttpFilters, randomRouter } from './random-filters.ts'
import { randomManager } from './random-manager.ts'
import { randomHeaderMatch, randomMatch } from './random-match.ts'
import { randomMutations } from './random-mutations.ts'
import { randomRequest } from './random-request.ts'
import type { RoutingCase } from './routing-case.ts'
import { createSketch, type Sketch } from './sketch.ts'
import { host } from './words.ts'

const REQUESTS = 30

export function randomRoutingCase(seed: number, number: number): RoutingCase {
  const sketch = createSketch(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
  const filters = sketch.chance(0.3) ? randomHttpFilters(sketch) : []
  const route_config = configuration(sketch, filters.length > 0 ? 0.25 : 0.01)
  const written = sketch.chance(0.25) ? lowerCamelCase(route_config) : route_config
  const router = randomRouter(sketch)
  const chain = [...filters, ...(router === undefined ? [] : [router])]
  const hcm = { ...(chain.length > 0 && { http_filters: chain }), ...randomManager(sketch) }
  return {
    id: `${seed}-${number}`,
    route_config: written,
    ...(Object.keys(hcm).length > 0 && { hcm }),
    requests: Array.from({ length: REQUESTS }, () => randomRequest(sketch)),
  }
}

function configuration(sketch: Sketch, filtering: number): JsonObject {
  const taken = new Set<string>()
  const hosts = sketch.many(1, 4, (index) => virtualHost(sketch, { index, taken, filtering }))
  return {
    name: 'rc',
    virtual_hosts: hosts,
    ...randomMutations(sketch, 0.15),
    ...sketch.maybe(0.2, 'most_specific_header_mutations_wins', () => sketch.chance(0.8)),
    ...sketch.maybe(0.12, 'ignore_port_in_host_matching', () => sketch.chance(0.8)),
    ...sketch.maybe(0.08, 'ignore_path_parameters_in_path_matching', () => true),
    ...sketch.maybe(0.1, 'validate_clusters', () => sketch.chance(0.4)),
    ...sketch.maybe(0.06, 'internal_only_headers', () => ['x-a', 'X-Mixed']),
    ...sketch.maybe(0.06, 'max_direct_response_body_size_bytes', () => sketch.one([3, 100, 5000])),
    ...sketch.maybe(0.04, 'vhost_header', () => {
      sketch.headers.push(['x-b', sketch.hosts.length > 0 ? sketch.one(sketch.hosts) : 'a.com'])
      return 'x-b'
    }),
    ...randomFilters(sketch, filtering / 2),
  }
}

interface Place {
  readonly index: number
  readonly taken: Set<string>
  readonly filtering: number
}

function virtualHost(sketch: Sketch, { index, taken, filtering }: Place): JsonObject {
  return {
    name: sketch.odd(0.1) ? 'v0' : `v${index}`,
    domains: domains(sketch, index, taken),
    routes: sketch.many(sketch.chance(0.97) ? 1 : 0, 5, (at) => route(sketch, `r${index}-${at}`, filtering)),
    ...sketch.maybe(0.06, 'require_tls', () => sketch.one(['NONE', 'ALL', 'EXTERNAL_ONLY'])),
    ...randomMutations(sketch, 0.15),
    ...sketch.maybe(0.05, 'include_request_attempt_count', () => true),
    ...sketch.maybe(0.05, 'include_attempt_count_in_response', () => true),
    ...sketch.maybe(0.04, 'retry_policy', () => ({ retry_on: '5xx', ...sketch.maybe(0.5, 'per_try_timeout', () => '2s') })),
    ...randomFilters(sketch, filtering / 2),
    ...sketch.maybe(0.03, 'metadata', () => METADATA),
    ...sketch.maybe(0.06, 'virtual_clusters', () => sketch.many(1, 2, (at) => ({ name: `vc${at}`, headers: [randomHeaderMatch(sketch)] }))),
  }
}

const METADATA = { filter_metadata: { m: { k: 'meta', n: 7, o: { p: true } } } }

function domains(sketch: Sketch, index: number, taken: Set<string>): readonly string[] {
  const list = sketch.many(1, 3, () => {
    const text = host(sketch)
    return sketch.weighted([
      [6, text],
      [3, `*.${text}`],
      [2, `*${text.slice(1)}`],
      [2, `${text}*`],
      [2, `${text.split('.')[0]}.*`],
      [1, sketch.one(['a*b', '**', '*.*', 'a.com.', sketch.odd(0.5) ? '' : 'z', '*:80'])],
    ])
  })
  if (index === 0 && sketch.chance(0.6)) list.push('*')
  const own = list.filter((domain) => sketch.odd(0.03) || !taken.has(domain.toLowerCase()))
  const unique = own.filter(
    (domain, at) => sketch.odd(0.03) || own.findIndex((other) => other.toLowerCase() === domain.toLowerCase()) === at,
  )
  for (const domain of unique) {
    taken.add(domain.toLowerCase())
    sketch.hosts.push(domain.replace(/^\*/, sketch.one(['x', 'a.b', ''])).replace(/\*$/, sketch.one(['com', 'y', ''])))
  }
  return unique.length > 0 ? unique : [`only-${index}`]
}

function route(sketch: Sketch, name: string, filtering: number): JsonObject {
  const { match, variables } = randomMatch(sketch)
  return {
    ...(sketch.chance(0.9) ? { name } : {}),
    match: sketch.odd(0.01) ? {} : match,
    ...randomAction(sketch, { variables }),
    ...randomMutations(sketch, 0.2),
    ...randomFilters(sketch, filtering),
    ...sketch.maybe(0.06, 'metadata', () => METADATA),
  }
}

/** Proto3 JSON takes both spellings. Keys of maps and of texts are not field names. */
function lowerCamelCase(value: JsonObject): JsonObject {
  const convert = (one: Json | undefined): Json | undefined =>
    one !== null && typeof one === 'object'
      ? Array.isArray(one)
        ? one.map((item: Json) => convert(item) as Json)
        : fields(one as JsonObject)
      : one
  const fields = (object: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(object).map(([key, one]) => [
        key.startsWith('@') ? key : key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
        VERBATIM.has(key) ? one : convert(one),
      ]),
    )
  return fields(value)
}

const VERBATIM: ReadonlySet<string> = new Set(['json_format', 'filter_metadata', 'typed_per_filter_config', 'policies'])
