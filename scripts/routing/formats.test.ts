/** Commands of substitution formats, each as Envoy 1.40 evaluates it: in headers of a request and of an answer, and in bodies. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { analyse } from '../../compiler/compile.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { JsonObject } from '../oracle/envoy.ts'
import { createJudge } from './ask-interpreter.ts'
import { decide, to } from './decide-case.ts'
import type { RoutingRequest } from './routing-case.ts'

const METADATA = { filter_metadata: { m: { k: 'meta', n: 7, f: 0.5, o: { p: true, a: 'x' }, none: null, e: '' } } }
const REQUEST: RoutingRequest = {
  method: 'GET',
  authority: 'a.com:80',
  path: '/p?k=v',
  headers: [
    ['x-a', 'av'],
    ['x-request-id', 'rid'],
  ],
}

function judge(route: JsonObject, hcm: JsonObject, request: Partial<RoutingRequest> = {}) {
  const host = {
    name: 'v',
    domains: ['*'],
    metadata: METADATA,
    routes: [{ name: 'r', match: { prefix: '/p' }, metadata: METADATA, ...route }],
  }
  const virtual_clusters = [{ name: 'vc', headers: [{ name: ':path', string_match: { prefix: '/p' } }] }]
  const route_config = { name: 'rc', virtual_hosts: [{ ...host, virtual_clusters }] }
  return createJudge({ id: 'case', route_config, hcm, requests: [] })({ ...REQUEST, ...request })
}

const header = (value: string): readonly JsonObject[] => [{ header: { key: 'x-q', value: `[${value}]` } }]
const found = (pairs: readonly (readonly [string, string])[] | undefined): string | undefined =>
  pairs?.find(([name]) => name === 'x-q')?.[1]
const forwarded = (format: string): string | undefined =>
  found(judge({ route: { cluster: 'c0' }, request_headers_to_add: header(format) }, {}).requestHeaders)
const direct = (format: string): string | undefined =>
  found(judge({ direct_response: { status: 200 }, response_headers_to_add: header(format) }, {}).responseHeaders)
const replied = (body_format: JsonObject, request: Partial<RoutingRequest> = {}): string | undefined =>
  judge({ direct_response: { status: 503, body: { inline_string: 'hi' } } }, { local_reply_config: { body_format } }, request).body

const ROWS: readonly (readonly [format: string, forwarded: string, direct: string, text: string])[] = [
  ['%METADATA(CLUSTER:m:k)%', 'c0', '', '-'],
  ['%CLUSTER_METADATA(m:o:list)%', '[1,"a",null,0.5]', '', '-'],
  ['%METADATA(LISTENER:m:k)%', 'listener', 'listener', 'listener'],
  ['%METADATA(LISTENER_FILTER_CHAIN:m:k):3%', 'cha', 'cha', 'cha'],
  ['%METADATA(ROUTE:m:o)%', '{"a":"x","p":true}', '{"a":"x","p":true}', '{"a":"x","p":true}'],
  ['%METADATA(ROUTE:m:none)%', '', '', '-'],
  ['%METADATA(ROUTE:m:e)%', '', '', ''],
  ['%METADATA(ROUTE:m:k:x)%', '', '', '-'],
  ['%METADATA(ROUTE)%', '', '', '-'],
  ['%METADATA(DYNAMIC:m:k)%', '', '', '-'],
  ['%VIRTUAL_CLUSTER_NAME%', 'vc', '', '-'],
  ['%FILTER_CHAIN_NAME%|%LISTENER_NAME%', 'chain|case', 'chain|case', 'chain|case'],
  ['%REQUESTED_SERVER_NAME%', '', '', '-'],
  ['%REQUESTED_SERVER_NAME(HOST_FIRST)%', 'a.com:80', 'a.com:80', 'a.com:80'],
  ['%REQUESTED_SERVER_NAME(SNI_FIRST:ORIG)%', '', '', '-'],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%', '127.61.0.0/16', '127.61.0.0/16', '127.61.0.0/16'],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(33)%', '127.61.0.9/32', '127.61.0.9/32', '127.61.0.9/32'],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(x)%', '127.61.0.9', '127.61.0.9', '127.61.0.9'],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(-1)%', '', '', ''],
  [
    '%COALESCE({"operators": [{"command": "REQ", "param": "x-none"}, {"command": "REQ", "param": "x-a", "max_length": 1}]})%',
    'a',
    'a',
    'a',
  ],
  ['%COALESCE({"operators": ["UPSTREAM_HOST"]})%', '', '', '-'],
  ['%STREAM_ID%', 'rid', 'rid', 'rid'],
  ['%STREAM_INFO_REQ(x-a)%', 'av', 'av', 'av'],
  ['%RESPONSE_HEADERS_BYTES%', '0', '10', '10'],
  ['%BYTES_RETRANSMITTED%%UPSTREAM_WIRE_BYTES_SENT%%RESPONSE_TRAILERS_BYTES%', '000', '000', '000'],
  ['%DOWNSTREAM_DETECTED_CLOSE_TYPE%', 'Normal', 'Normal', 'Normal'],
  ['%UPSTREAM_HOST_NAME_WITHOUT_PORT%%DOWNSTREAM_TLS_GROUP%%UPSTREAM_PEER_SUBJECT%', '', '', '---'],
]

for (const [format, request, answer, text] of ROWS) {
  test(format, () => {
    assert.equal(
      [forwarded(format), direct(format), replied({ text_format: `[${format}]` })],
      [request, answer, text].map((one) => `[${one}]`),
    )
  })
}

test('a value alone in JSON keeps its type', () => {
  const json = (format: string): unknown => JSON.parse(replied({ json_format: { v: format } }) ?? '').v
  assert.equal(
    ['METADATA(ROUTE:m:o)', 'METADATA(ROUTE:m:f)', 'METADATA(ROUTE:m:none)', 'METADATA(ROUTE:m:k):2', 'DOWNSTREAM_DIRECT_LOCAL_PORT'].map(
      (one) => json(`%${one}%`),
    ),
    [{ a: 'x', p: true }, 0.5, null, 'me', 18080],
  )
})

test('a text in JSON whose last character is cut: its bytes by number', () => {
  const body = replied(
    { json_format: { a: '%REQ(x-a):3%', b: '%REQ(x-a)%', c: '\u00e9%REQ(x-a):3%' } },
    { headers: [['x-a', 'a"\u00e9b']] },
  )
  assert.is(body, '{"a":"a\\u0022\\u00c3","b":"a\\"\u00e9b","c":"\u00e9a\\u0022\\u00c3"}\n')
})

test('a gRPC status is shown to gRPC clients only', () => {
  const headers: RoutingRequest['headers'] = [['content-type', 'application/grpc']]
  const message = (request: Partial<RoutingRequest>): string | undefined =>
    judge(
      { direct_response: { status: 503, body: { inline_string: 'hi' } } },
      { local_reply_config: { body_format: { text_format: '%GRPC_STATUS%/%GRPC_STATUS(SNAKE_STRING)%/%GRPC_STATUS_NUMBER%' } } },
      request,
    ).responseHeaders?.find(([name]) => name === 'grpc-message')?.[1]
  assert.is(message({ headers }), 'Unavailable/UNAVAILABLE/14')
  assert.is(replied({ text_format: '%GRPC_STATUS%' }), '-')
})

test('metadata of a virtual host is there where none of its routes takes the request', () => {
  const reply = { local_reply_config: { body_format: { text_format: '%METADATA(VIRTUAL_HOST:m:k)%' } } }
  assert.is(judge({ route: { cluster: 'c0' } }, reply, { path: '/zz' }).body, 'meta')
})

test('what the kernel does not show is for user space; what only a running proxy knows needs the waypoint', () => {
  const lane = (route: JsonObject): readonly string[] => {
    const listener = {
      '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
      name: 'l',
      address: { socket_address: { address: '10.0.0.1', port_value: 80 } },
      filter_chains: [
        {
          filters: [
            {
              name: 'h',
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                stat_prefix: 's',
                route_config: {
                  name: 'rc',
                  virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }] }],
                },
                http_filters: [
                  { name: 'r', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } },
                ],
              },
            },
          ],
        },
      ],
    }
    const cluster = { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'c0', type: 'STATIC', connect_timeout: '1s' }
    const diag = createDiagnostics()
    const sources = [{ name: 'case.json', bytes: Buffer.from(JSON.stringify([listener, cluster])) }]
    analyse(sources, { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false }, diag, () => {})
    return diag.list.filter(({ code }) => code === 'KM1703' || code === 'KM1704').map(({ code, message }) => `${code} ${message}`)
  }
  const route = { route: { cluster: 'c0' } }
  assert.equal(lane(route), [])
  const shown = (format: string, where = 'request_headers_to_add'): string => lane({ ...route, [where]: header(format) }).join()
  assert.match(shown('%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(8)%'), /^KM1703 .*%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT\(8\)%/)
  assert.match(shown('%REQUESTED_SERVER_NAME(HOST_FIRST)%'), /^KM1703 /)
  assert.is(shown('%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%'), '')
  assert.match(shown('%START_TIME%'), /^KM1704 .*only a running proxy knows %START_TIME%/)
  assert.match(shown('%UPSTREAM_HOST%', 'response_headers_to_add'), /^KM1704 .*only a running proxy knows %UPSTREAM_HOST%/)
  assert.is(shown('%UPSTREAM_HOST%'), '')
  assert.equal(lane({ direct_response: { status: 200 }, response_headers_to_add: header('%UPSTREAM_HOST%') }), [])
})

test('paths: of CONNECT, an original one that is empty, one that names no resource', () => {
  const hcm = {
    local_reply_config: { body_format: { text_format_source: { inline_string: '%PATH(NQ)% %PATH(WQ:ORIG)% %PATH(WQ:PATH)%' } } },
  }
  const body = (request: Partial<RoutingRequest>): string | undefined => decide({ match: { path: '/x' }, ...to() }, request, { hcm }).body
  const connect = { method: 'CONNECT', authority: 'a.com:80', path: 'a.com:80' }
  assert.is(body(connect), '- - -')
  assert.is(body({ ...connect, headers: [['x-envoy-original-path', '/o?x']] }), '/o /o?x -')
  assert.is(body({ headers: [['x-envoy-original-path', '']] }), '/a - /a')
  const normal = { ...hcm, normalize_path: true }
  assert.is(decide(to(), { method: 'OPTIONS', path: '*' }, { hcm: normal }).body, '* - *')
})

test('a body is formatted before there are response headers', () => {
  const body_format = { text_format_source: { inline_string: '%RESP(location)% %RESPONSE_HEADERS_BYTES% %LOCAL_REPLY_BODY%' } }
  const direct = decide({ direct_response: { status: 301, body: { inline_string: 'b' }, body_format } })
  assert.equal([direct.body, direct.location], ['- 0 b', 'http://a.com/a'])
})

test('a client that waits for a status of 100 has got it before anything is formatted', () => {
  const direct_response = { status: 429, body_format: { text_format_source: { inline_string: '%RESPONSE_CODE%' } } }
  const body = (headers: RoutingRequest['headers']): string | undefined => decide({ direct_response }, { headers }).body
  assert.is(body([['expect', '100-Continue']]), '100')
  assert.is(body([['expect', 'x']]), '0')
  assert.is(
    body([
      ['expect', '100-continue'],
      ['connection', 'expect'],
    ]),
    '0',
  )
})

test('an original host that is empty is one', () => {
  const body = (value: string): string | undefined => {
    const body_format = { text_format_source: { inline_string: value } }
    return decide({ direct_response: { status: 200, body_format } }, { headers: [['x-envoy-original-host', '']] }).body
  }
  assert.is(body('[%REQUESTED_SERVER_NAME(HOST_FIRST)%%REQUESTED_SERVER_NAME(SNI_FIRST:ORIG)%]'), '[]')
  assert.is(body('%REQUESTED_SERVER_NAME(HOST_FIRST:HOST)%'), 'a.com')
})

test('headers that the router takes for itself are gone when response headers are formatted', () => {
  const bytes = (headers: RoutingRequest['headers']): string | undefined => {
    const hcm = { internal_address_config: {} }
    const value = '%REQUEST_HEADERS_BYTES% %REQ(x-envoy-max-retries)%'
    const route = { ...to(), response_headers_to_add: [{ header: { key: 'x-q', value } }] }
    return decide(route, { headers: [['x-forwarded-for', '10.0.0.1'], ...headers] }, { hcm }).responseHeaders?.find(
      ([name]) => name === 'x-q',
    )?.[1]
  }
  assert.is(bytes([['x-envoy-max-retries', '3']]), bytes([]))
})

test.run()
