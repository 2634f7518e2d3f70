import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { Headers, HttpRequest, type RequestLine } from '../http/request.ts'
import { readInput } from '../input/read.ts'
import type { FilterTarget, Verdict } from './filter.ts'
import { decideFilter, readFilter } from './filters.ts'

type Json = Readonly<Record<string, unknown>>
const TYPE = 'type.googleapis.com/envoy.extensions.filters.http.'

function filter(type: string, config: Json): (request?: Partial<RequestLine>, target?: Partial<FilterTarget>) => Verdict {
  const held = { '@type': `${TYPE}${type}`, ...config }
  const resource = {
    '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    name: 'r',
    typed_per_filter_config: { f: held },
  }
  const input = readInput([{ name: 's', bytes: Buffer.from(JSON.stringify([resource])) }], createDiagnostics())
  const cursor = input.resources[0]?.cursor?.map('typed_per_filter_config')[0]?.[1]
  if (cursor === undefined) throw new Error('not read')
  const read = readFilter(cursor)
  return ({ method = 'GET', path = '/', authority = 'a', headers = [], source, destination, random = 0 } = {}, target) =>
    decideFilter(
      read,
      new HttpRequest({ method, path, authority, scheme: 'http', source, destination, random, tls: false }, Headers.of('request', headers)),
      {
        ...{ cluster: 'c', forwards: true, metadata: 'none' },
        ...target,
      },
    )
}
const reason = (verdict: Verdict): string => (verdict.kind === 'answer' ? verdict.reason : verdict.kind)

const any = { any: true }
const rbac = (action: string, policies: Json) => filter('rbac.v3.RBAC', { rules: { action, policies } })
const policy = (permission: Json, principal: Json = any): Json => ({ 'p 1': { permissions: [permission], principals: [principal] } })

test('rbac: who is not allowed is refused, who is denied too', () => {
  assert.is(reason(rbac('ALLOW', {})()), 'rbac_access_denied_matched_policy[none]')
  assert.is(reason(rbac('ALLOW', policy(any))()), 'pass')
  assert.is(reason(rbac('DENY', policy(any))()), 'rbac_access_denied_matched_policy[p_1]')
  assert.is(reason(rbac('DENY', {})()), 'pass')
  assert.is(reason(rbac('LOG', policy(any))()), 'pass')
  assert.is(reason(filter('rbac.v3.RBAC', {})()), 'pass', 'no rules')
  assert.is(reason(filter('rbac.v3.RBACPerRoute', {})()), 'pass', 'turned off for the route')
})

test('rbac: permissions and principals', () => {
  const denied = (permission: Json, principal?: Json) => rbac('DENY', policy(permission, principal))
  const path = denied({ url_path: { path: { prefix: '/no' } } })
  assert.equal([reason(path({ path: '/no?x' })), reason(path({ path: '/yes?/no' }))], ['rbac_access_denied_matched_policy[p_1]', 'pass'])
  const header = denied({ not_rule: { header: { name: 'x-a', present_match: true } } })
  assert.equal([header().kind, header({ headers: [['x-a', '1']] }).kind], ['answer', 'pass'])
  const port = denied({ destination_port_range: { start: 80, end: 82 } })
  assert.equal(
    [80, 81, 82].map((one) => port({ destination: `1.2.3.4:${one}` }).kind),
    ['answer', 'answer', 'pass'],
  )
  const client = denied(any, { direct_remote_ip: { address_prefix: '10.0.0.0', prefix_len: 8 } })
  assert.equal(
    ['10.1.2.3', '10.1.2.3:5', '11.0.0.1', '::1'].map((source) => client({ source }).kind),
    ['answer', 'answer', 'pass', 'pass'],
  )
  assert.is(client().kind, 'open', 'nobody said who asks')
  const six = denied(any, { direct_remote_ip: { address_prefix: 'fd00::', prefix_len: 16 } })
  assert.equal(
    ['fd00::1', '[fd00:0:1::]:80', 'fd01::1'].map((source) => six({ source }).kind),
    ['answer', 'answer', 'pass'],
  )
  assert.is(denied(any, { authenticated: {} })().kind, 'pass', 'plain text has no certificate')
  const metadata = denied({ metadata: { filter: 'f', path: [{ key: 'k' }], value: { present_match: true } } })
  assert.equal([metadata().kind, metadata({}, { metadata: 'unknown' }).kind], ['pass', 'open'])
})

test('fault: an abort of all, of a share, on conditions', () => {
  const fault = (abort: Json, more: Json = {}) => filter('fault.v3.HTTPFault', { abort, ...more })
  const half = fault({ http_status: 500, percentage: { numerator: 50 } })
  assert.equal([half({ random: 0.4 }).kind, half({ random: 0.5 }).kind], ['answer', 'pass'])
  assert.is(fault({ http_status: 500 })().kind, 'pass', 'no percentage is 0')
  const all = { http_status: 503, percentage: { numerator: 100 } }
  const onHeader = fault(all, { headers: [{ name: 'x-a', string_match: { exact: '1' } }] })
  assert.equal([onHeader().kind, onHeader({ headers: [['x-a', '1']] }).kind], ['pass', 'answer'])
  const onCluster = fault(all, { upstream_cluster: 'c' })
  assert.equal([onCluster().kind, onCluster({}, { cluster: 'd' }).kind], ['answer', 'pass'])
  const byHeader = fault({ header_abort: {}, percentage: { numerator: 100 } })
  assert.equal([byHeader().kind, byHeader({ headers: [['x-envoy-fault-abort-request', '404']] }).kind], ['pass', 'answer'])
  assert.is(
    filter('fault.v3.HTTPFault', { delay: { fixed_delay: '1s', percentage: { numerator: 100 } } })().kind,
    'pass',
    'a delay decides nothing',
  )
})

test('cors: a preflight of an allowed origin is answered', () => {
  const cors = (more: Json = {}) =>
    filter('cors.v3.CorsPolicy', { allow_origin_string_match: [{ exact: 'http://a' }], allow_methods: 'GET', ...more })
  const preflight = (origin: string): Partial<RequestLine> => ({
    method: 'OPTIONS',
    headers: [
      ['origin', origin],
      ['access-control-request-method', 'PUT'],
    ],
  })
  const answer = cors()(preflight('http://a'))
  assert.equal(answer.kind === 'answer' && answer.responseHeaders, [
    ['access-control-allow-origin', 'http://a'],
    ['access-control-allow-methods', 'GET'],
  ])
  assert.is(cors()(preflight('http://b')).kind, 'pass')
  assert.is(cors()(preflight('http://a'), { forwards: false }).kind, 'pass')
  assert.is(cors({ allow_origin_string_match: [{ prefix: '*' }] })(preflight('http://b')).kind, 'answer')
  assert.is(cors({ filter_enabled: { default_value: { numerator: 0 } } })(preflight('http://a')).kind, 'pass')
  assert.equal(cors()({ headers: [['origin', 'http://a']] }), {
    kind: 'pass',
    responseHeaders: [['access-control-allow-origin', 'http://a']],
  })
})

test('local_ratelimit: its limits are data', () => {
  const limit = filter('local_ratelimit.v3.LocalRateLimit', { stat_prefix: 's', token_bucket: { max_tokens: 5, fill_interval: '1s' } })
  assert.is(limit().kind, 'pass')
})

test('a filter that nobody here knows stays open', () => {
  assert.is(filter('lua.v3.LuaPerRoute', { disabled: true })().kind, 'open')
})

test.run()
