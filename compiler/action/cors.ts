/**
 * envoy.filters.http.cors: which origins may ask. A preflight of an allowed origin is answered by Envoy itself; everything else passes.
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
  readonly credentials: boolean
  readonly enabled: Fraction
  /** false: a preflight of another origin is answered as well */
  readonly forwardPreflights: boolean
}

const ALWAYS: Fraction = { numerator: 100, denominator: 100, runtimeKey: undefined }

const POLICY = 'envoy.extensions.filters.http.cors.v3.CorsPolicy'
const NO_POLICY: CorsRule = {
  origins: [],
  methods: undefined,
  headers: undefined,
  expose: undefined,
  maxAge: undefined,
  credentials: false,
  enabled: { numerator: 0, denominator: 100, runtimeKey: undefined },
  forwardPreflights: true,
}

export const cors: HttpFilter<CorsRule> = {
  types: [POLICY, 'envoy.extensions.filters.http.cors.v3.Cors'],
  read(at) {
    // the connection manager's own configuration is empty: without a policy of the route nothing happens
    if (at.type !== POLICY) return NO_POLICY
    const enabled = at.message('filter_enabled')
    return {
      forwardPreflights: at.boolean('forward_not_matching_preflights') ?? true,
      origins: at.messages('allow_origin_string_match').map(readStringMatch),
      methods: at.string('allow_methods') || undefined,
      headers: at.string('allow_headers') || undefined,
      expose: at.string('expose_headers') || undefined,
      maxAge: at.string('max_age') || undefined,
      credentials: at.boolean('allow_credentials') ?? false,
      enabled: enabled === undefined ? ALWAYS : readPercent(enabled.message('default_value')),
    }
  },
  decide(rule, request, { forwards }) {
    const origin = request.headers.get('origin')
    if (!forwards || origin === undefined || origin === '' || !evalFraction(rule.enabled, request.random)) return PASS
    const asked = request.method === 'OPTIONS' ? (request.headers.get('access-control-request-method') ?? '') : ''
    if (!rule.origins.some((one) => evalStringMatch(one, '*') || evalStringMatch(one, origin))) {
      return asked === '' || rule.forwardPreflights ? PASS : preflightAnswer([])
    }
    const common: HeaderPair[] = [['access-control-allow-origin', origin]]
    if (rule.credentials) common.push(['access-control-allow-credentials', 'true'])
    const exposed: readonly HeaderPair[] = rule.expose === undefined ? [] : [['access-control-expose-headers', rule.expose]]
    if (asked === '') return { kind: 'pass', responseHeaders: [...common, ...exposed] }
    const preflight = [
      ['access-control-allow-methods', rule.methods === '*' ? asked : rule.methods],
      [
        'access-control-allow-headers',
        rule.headers === '*' ? (request.headers.get('access-control-request-headers') ?? '*') : rule.headers,
      ],
      ['access-control-max-age', rule.maxAge],
    ] as const
    const answered = preflight.flatMap(([name, value]): readonly HeaderPair[] => (value === undefined ? [] : [[name, value]]))
    return preflightAnswer([...common, ...answered, ...exposed])
  },
}

function preflightAnswer(responseHeaders: readonly HeaderPair[]): Verdict {
  return { kind: 'answer', outcome: 'direct_response', status: 200, body: '', reason: 'cors_response', responseHeaders, bare: true }
}
