/**
 * envoy.filters.http.cors: which origins may ask. A preflight of an allowed origin is answered by Envoy itself; everything else passes.
 * What the policy of a route does not say, that of its virtual host does, and then that of the route configuration.
 * Source: Envoy's cors.proto and source/extensions/filters/http/cors/cors_filter.cc.
 */
import type { Fraction, StringMatch } from '../http/model.ts'
import type { HeaderPair } from '../http/request.ts'
import { evalStringMatch, readStringMatch } from '../match/string-match.ts'
import { evalFraction } from '../match/runtime-fraction.ts'
import { type HttpFilter, PASS, type Verdict } from './filter.ts'
import { readPercent } from './fraction.ts'

export interface CorsRule {
  readonly [key: string]: unknown
  readonly origins: readonly StringMatch[]
  readonly methods: string | undefined
  readonly headers: string | undefined
  readonly expose: string | undefined
  readonly maxAge: string | undefined
  readonly credentials: boolean | undefined
  readonly privateNetwork: boolean | undefined
  readonly enabled: Fraction
  /** false: a preflight of another origin is answered as well */
  readonly forwardPreflights: boolean | undefined
}

const ALWAYS: Fraction = { numerator: 100, denominator: 100, runtimeKey: undefined }

const POLICY = 'envoy.extensions.filters.http.cors.v3.CorsPolicy'
const NO_POLICY: CorsRule = {
  origins: [],
  methods: undefined,
  headers: undefined,
  expose: undefined,
  maxAge: undefined,
  credentials: undefined,
  privateNetwork: undefined,
  enabled: { numerator: 0, denominator: 100, runtimeKey: undefined },
  forwardPreflights: undefined,
}

export const cors: HttpFilter<CorsRule> = {
  types: [POLICY, 'envoy.extensions.filters.http.cors.v3.Cors'],
  read(at) {
    // the connection manager's own configuration is empty: without a policy of the route nothing happens
    if (at.type !== POLICY) return NO_POLICY
    const enabled = at.message('filter_enabled')
    return {
      forwardPreflights: at.boolean('forward_not_matching_preflights'),
      origins: at.messages('allow_origin_string_match').map(readStringMatch),
      methods: at.string('allow_methods') || undefined,
      headers: at.string('allow_headers') || undefined,
      expose: at.string('expose_headers') || undefined,
      maxAge: at.string('max_age') || undefined,
      credentials: at.boolean('allow_credentials'),
      privateNetwork: at.boolean('allow_private_network_access'),
      enabled: enabled === undefined ? ALWAYS : readPercent(enabled.message('default_value')),
    }
  },
  inherit: (rule, from) => ({
    ...rule,
    origins: rule.origins.length > 0 ? rule.origins : from.origins,
    methods: rule.methods ?? from.methods,
    headers: rule.headers ?? from.headers,
    expose: rule.expose ?? from.expose,
    maxAge: rule.maxAge ?? from.maxAge,
    credentials: rule.credentials ?? from.credentials,
    privateNetwork: rule.privateNetwork ?? from.privateNetwork,
    forwardPreflights: rule.forwardPreflights ?? from.forwardPreflights,
  }),
  decide(rule, request, { forwards }) {
    const origin = request.headers.get('origin')
    if (!forwards || origin === undefined || origin === '' || !evalFraction(rule.enabled, request.random)) return PASS
    const asked = request.method === 'OPTIONS' ? (request.headers.get('access-control-request-method') ?? '') : ''
    const allowed = rule.origins.some((one) => evalStringMatch(one, '*') || evalStringMatch(one, origin))
    if (asked === '')
      return allowed
        ? { kind: 'pass', responseHeaders: pairs([...common(rule, origin), ['access-control-expose-headers', rule.expose]]) }
        : PASS
    if (!allowed && rule.forwardPreflights !== false) return PASS
    const isPrivate = rule.privateNetwork === true && request.headers.get('access-control-request-private-network') === 'true'
    return preflightAnswer(
      pairs([
        ...common(rule, allowed ? origin : undefined),
        ['access-control-allow-methods', rule.methods === '*' ? asked : rule.methods],
        [
          'access-control-allow-headers',
          rule.headers === '*' ? (request.headers.get('access-control-request-headers') ?? '') : rule.headers,
        ],
        ['access-control-max-age', rule.maxAge],
        ['access-control-expose-headers', allowed ? rule.expose : undefined],
        ['access-control-allow-private-network', isPrivate ? 'true' : undefined],
      ]),
    )
  },
}

type MaybePair = readonly [name: string, value: string | undefined]

function common({ credentials }: CorsRule, origin: string | undefined): readonly MaybePair[] {
  return [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', credentials === true ? 'true' : undefined],
  ]
}

function pairs(list: readonly MaybePair[]): readonly HeaderPair[] {
  return list.flatMap(([name, value]): readonly HeaderPair[] => (value === undefined ? [] : [[name, value]]))
}

function preflightAnswer(responseHeaders: readonly HeaderPair[]): Verdict {
  return { kind: 'answer', outcome: 'direct_response', status: 200, body: '', reason: 'cors_response', responseHeaders, bare: true }
}
