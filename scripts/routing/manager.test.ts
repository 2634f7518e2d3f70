/** What connection managers do beside routing, where it once differed from Envoy or was not decided: each as Envoy 1.40 does it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../oracle/envoy.ts'
import { answered, decide, respond, to } from './decide-case.ts'
import type { RoutingRequest } from './routing-case.ts'

test('where "*" is the only domain, nobody looks at the host or at vhost_header', () => {
  const around = { rc: { vhost_header: 'x-b' } }
  assert.is(decide(to(), {}, around).cluster, 'c0')
  assert.is(decide(to(), {}, { ...around, host: { domains: ['*', 'b.com'] } }).outcome, 'no_route')
})

test('a client that is not found: the route is looked for with the x-forwarded-proto that an early mutation has written', () => {
  const detection = 'type.googleapis.com/envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig'
  const early = 'type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation'
  const hcm = {
    original_ip_detection_extensions: [
      { name: 'd', typed_config: { '@type': detection, header_name: 'x-client', reject_with_status: { code: 'NotFound' } } },
    ],
  }
  const mutations = [{ append: { header: { key: 'x-forwarded-proto', value: 'v' } } }]
  const route = { ...to(), ...respond('x') }
  assert.is(answered(decide(route, {}, { hcm }), 'x-q'), undefined)
  const written = { ...hcm, early_header_mutation_extensions: [{ name: 'e', typed_config: { '@type': early, mutations } }] }
  const decision = decide(route, {}, { hcm: written })
  assert.equal([decision.reason, answered(decision, 'x-q')], ['rejecting_because_detection_failed', 'x'])
})

test('via is written behind a value as it was made, spaces and all', () => {
  const route = { direct_response: { status: 403 }, response_headers_to_add: [{ header: { key: 'via', value: ' padded ' } }] }
  assert.is(answered(decide(route, {}, { hcm: { via: '1.1 a' } }), 'via'), 'padded , 1.1 a')
  const empty = { direct_response: { status: 403 }, response_headers_to_add: [{ header: { key: 'via' }, keep_empty_value: true }] }
  assert.is(answered(decide(empty, {}, { hcm: { via: '1.1 a' } }), 'via'), '1.1 a')
  assert.is(
    decide(to(), { headers: [['via', '']] }, { hcm: { via: '1.1 a' } }).requestHeaders?.find(([name]) => name === 'via')?.[1],
    '1.1 a',
  )
})

test('a Connection header that names what Envoy needs is a bad request', () => {
  const decision = decide(to(), { headers: [['connection', 'x-forwarded-for']] })
  assert.equal([decision.status, decision.reason, decision.body], [400, 'http1.connection_header_rejected', 'Bad Request'])
})

test('proxy-status: who, what and why; with the status that goes with it', () => {
  const told = (settings: JsonObject, route: JsonObject, headers: RoutingRequest['headers'] = []): readonly unknown[] => {
    const decision = decide(route, { headers }, { hcm: { proxy_status_config: settings } })
    return [decision.status, answered(decision, 'proxy-status')]
  }
  const nowhere = { match: { path: '/zz' }, ...to() }
  assert.equal(told({}, nowhere), [404, 'envoy; error=destination_not_found; details="route_not_found; NR"'])
  assert.equal(told({ remove_response_flags: true, use_node_id: true, set_recommended_response_code: true }, nowhere), [
    500,
    'oracle; error=destination_not_found; details="route_not_found"',
  ])
  assert.equal(told({ literal_proxy_name: 'p', remove_details: true }, { route: { cluster_header: 'x-c' } }), [
    503,
    'p; error=destination_unavailable',
  ])
  assert.equal(told({}, { direct_response: { status: 503 } }), [503, undefined])
  assert.equal(told({}, to()), [undefined, undefined])
  const own = { ...respond(''), response_headers_to_add: [{ header: { key: 'proxy-status', value: 'mine' } }] }
  assert.equal(
    told({ remove_details: true }, { route: { cluster_header: 'x-c' }, ...own })[1],
    'mine, envoy; error=destination_unavailable',
  )
})

test('a body that the status of a mapper would hide is sent with the recommended one', () => {
  const mapper = { filter: { response_flag_filter: {} }, status_code: 204, body: { inline_string: 'mapped' } }
  const hcm = { proxy_status_config: { set_recommended_response_code: true }, local_reply_config: { mappers: [mapper] } }
  const decision = decide({ match: { path: '/zz' }, ...to() }, {}, { hcm })
  assert.equal([decision.status, decision.body], [500, 'mapped'])
})

test('proxies that are believed by address: the last one that is not', () => {
  const type = 'type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig'
  const client = (cidrs: readonly string[], forwarded: string): string | undefined => {
    const xff_trusted_cidrs = { cidrs: cidrs.map((address_prefix) => ({ address_prefix, prefix_len: 8 })) }
    const hcm = { original_ip_detection_extensions: [{ name: 'x', typed_config: { '@type': type, xff_trusted_cidrs } }] }
    const route = { ...to(), ...respond('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%') }
    return answered(decide(route, { headers: [['x-forwarded-for', forwarded]] }, { hcm }), 'x-q')
  }
  assert.is(client(['127.0.0.0', '10.0.0.0'], '8.8.8.8, 9.9.9.9, 10.1.2.3'), '9.9.9.9')
  assert.is(client(['127.0.0.0', '10.0.0.0'], '10.1.1.1, 10.1.2.3'), '10.1.1.1')
  assert.is(client(['127.0.0.0', '10.0.0.0'], '9.9.9.9, junk, 10.1.2.3'), '127.61.0.9')
  assert.is(client(['127.0.0.0'], 'junk'), '127.61.0.9')
  assert.is(client(['10.0.0.0'], '9.9.9.9'), '127.61.0.9')
  assert.is(client(['junk'], '8.8.8.8, 9.9.9.9'), '9.9.9.9')
})

test('a virtual cluster has a name where one matches only; nothing is tried for an upgrade that is refused', () => {
  const clusters = { virtual_clusters: [{ name: 'vc', headers: [{ name: 'x-none', present_match: true }] }] }
  assert.is(answered(decide({ ...to(), ...respond('[%VIRTUAL_CLUSTER_NAME%]') }, {}, { host: clusters }), 'x-q'), '[]')
  const headers: RoutingRequest['headers'] = [
    ['connection', 'upgrade'],
    ['upgrade', 'websocket'],
  ]
  assert.is(answered(decide({ ...to(), ...respond('%UPSTREAM_REQUEST_ATTEMPT_COUNT%') }, { headers }), 'x-q'), '0')
})

test('x-forwarded-port of a client that is not trusted is overwritten, that of a proxy is not', () => {
  const port = (hcm: JsonObject): string | undefined =>
    decide(to(), { headers: [['x-forwarded-port', '1']] }, { hcm: { append_x_forwarded_port: true, ...hcm } }).requestHeaders?.find(
      ([name]) => name === 'x-forwarded-port',
    )?.[1]
  assert.equal(
    [port({}), port({ use_remote_address: true }), port({ use_remote_address: true, xff_num_trusted_hops: 1 })],
    ['1', '18080', '1'],
  )
})

test('a length that cuts a character: what is left counts as its bytes', () => {
  const format = { text_format: '%RESPONSE_HEADERS_BYTES%' }
  const mapper = { filter: { not_health_check_filter: {} }, headers_to_add: [{ header: { key: 'x-a', value: '%REQ(x-a):2%' } }] }
  const hcm = { local_reply_config: { mappers: [mapper], body_format: format } }
  assert.is(decide({ direct_response: { status: 404 } }, { headers: [['x-a', 'a\u00e9']] }, { hcm }).body, '15')
})

test('a host that is empty is a host', () => {
  const decision = decide(to({ host_rewrite: '%REQUESTED_SERVER_NAME(HOST_FIRST)%' }), { authority: '' })
  assert.is(decision.authority, '')
})

test('dot segments with parameters are dot segments, as long as their dots are not escaped', () => {
  const rows: readonly (readonly [path: string, normal: string])[] = [
    ['/a/..;p/b', '/b'],
    ['/..;', '/'],
    ['/a/.;p=1?x=/..;/y', '/a/?x=/..;/y'],
    ['/a/..;p\\b', '/'],
    ['/a/b/..;%2fc/d', '/a/d'],
    ['/a/x;p/b', '/a/x;p/b'],
    ['/a/%2e%2e;/b', '/a/..;/b'],
    ['/a/...;/b', '/a/...;/b'],
  ]
  for (const [path, normal] of rows) assert.is(decide(to(), { path }, { hcm: { normalize_path: true } }).path, normal, path)
})

test('a request to which a mutation adds what is no header name is answered', () => {
  const added = (key: string): JsonObject => ({ ...to(), request_headers_to_add: [{ header: { key, value: 'a' } }] })
  const decision = decide(added('X-\u00c4 b'))
  assert.equal(
    [decision.status, decision.reason, decision.body],
    [503, 'filter_removed_required_request_headers{invalid_header_name:_x-\u00c4_b}', 'invalid header name: x-\u00c4 b'],
  )
  assert.is(decide(added('x_~!')).outcome, 'cluster')
})

test('te is left to upgrades; one that Connection names goes where it is empty', () => {
  const te = (value: string, ...headers: RoutingRequest['headers']): string | undefined =>
    decide(to({ upgrade_configs: [{ upgrade_type: 'other' }] }), { headers: [...headers, ['te', value]] }).requestHeaders?.find(
      ([name]) => name === 'te',
    )?.[1]
  assert.is(te('10', ['connection', 'upgrade'], ['upgrade', 'other']), '10')
  assert.is(te('10'), undefined)
  assert.is(te('', ['connection', 'te']), undefined)
  assert.is(te(''), '')
})

test.run()
