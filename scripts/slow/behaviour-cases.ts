/**
 * Situations in which a proxy shows its manners: what a client sends, over which route, to an upstream that behaves in some way (scripted-upstream.ts). Data for a comparison
 * of the slow path with a real Envoy.
 */
import type { JsonObject } from '../oracle/envoy.ts'

export interface BehaviourCase {
  readonly name: string
  /** written one after the other, 60 ms apart; one character a byte */
  readonly send: readonly string[]
  /** the client's sending half ends behind them */
  readonly half?: true
}

const retry = (on: string, more: JsonObject = {}): JsonObject => ({
  retry_policy: { retry_on: on, num_retries: 2, retry_back_off: { base_interval: '0.005s' }, ...more },
})
const to = (prefix: string, route: JsonObject, more: JsonObject = {}): JsonObject => ({
  match: { prefix },
  route: { cluster: 'up', ...route },
  ...more,
})

const FAULT = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault'
const LIMIT = 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'
const ALL = { default_value: { numerator: 100 } }

export function behaviourRoutes(): JsonObject {
  return {
    name: 'behaviour',
    virtual_hosts: [
      {
        name: 'counted',
        domains: ['counted'],
        include_request_attempt_count: true,
        include_attempt_count_in_response: true,
        routes: [to('/', retry('5xx'))],
      },
      {
        name: 'all',
        domains: ['*'],
        routes: [
          to('/r5xx', retry('5xx')),
          to('/rgateway', retry('gateway-error')),
          to('/rreset', retry('reset')),
          to('/rconnect', { ...retry('connect-failure'), cluster: 'dead' }),
          to('/rcodes', retry('retriable-status-codes', { retriable_status_codes: [418] })),
          to('/rheaders', retry('retriable-headers', { retriable_headers: [{ name: 'x-again', present_match: true }] })),
          to('/r4xx', retry('retriable-4xx')),
          to('/rtry', retry('5xx', { per_try_timeout: '0.2s' })),
          to('/timeout', { timeout: '0.3s' }),
          to('/pertry', { timeout: '2s', retry_policy: { retry_on: 'retriable-4xx', num_retries: 1, per_try_timeout: '0.2s' } }),
          to('/idle', { timeout: '0s', idle_timeout: '0.3s' }),
          to('/dead', { cluster: 'dead' }),
          { match: { connect_matcher: {} }, route: { cluster: 'up', upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] } },
          to('/empty', { cluster: 'empty' }),
          to('/missing', { cluster: 'missing' }),
          to('/ws', { upgrade_configs: [{ upgrade_type: 'websocket' }] }),
          to('/mirror', { request_mirror_policies: [{ cluster: 'shadow' }] }),
          to('/auto', { auto_host_rewrite: true, cluster: 'named' }),
          to(
            '/mut',
            {},
            {
              response_headers_to_add: [
                { header: { key: 'x-status', value: '%RESPONSE_CODE%' } },
                { header: { key: 'x-copied', value: '%RESP(x-up)%' } },
                { header: { key: 'x-up', value: 'new' }, append_action: 'OVERWRITE_IF_EXISTS' },
              ],
              response_headers_to_remove: ['set-cookie'],
            },
          ),
          to(
            '/delay',
            {},
            { typed_per_filter_config: { fault: { '@type': FAULT, delay: { fixed_delay: '0.2s', percentage: { numerator: 100 } } } } },
          ),
          to(
            '/abort',
            {},
            { typed_per_filter_config: { fault: { '@type': FAULT, abort: { http_status: 418, percentage: { numerator: 100 } } } } },
          ),
          to(
            '/limited',
            {},
            {
              typed_per_filter_config: {
                limit: {
                  '@type': LIMIT,
                  stat_prefix: 'l',
                  token_bucket: { max_tokens: 2, tokens_per_fill: 1, fill_interval: '100s' },
                  filter_enabled: ALL,
                  filter_enforced: ALL,
                },
              },
            },
          ),
          { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'said' } } },
          { match: { prefix: '/moved' }, redirect: { path_redirect: '/ok' } },
          to('/', {}),
        ],
      },
    ],
  }
}

export const BEHAVIOUR_FILTERS: readonly JsonObject[] = [
  { name: 'fault', typed_config: { '@type': FAULT } },
  { name: 'limit', typed_config: { '@type': LIMIT, stat_prefix: 'l' } },
]

const get = (path: string, headers = '', host = 'a.example'): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`
const post = (path: string, body: string, headers = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`

const one = (name: string, ...send: string[]): BehaviourCase => ({ name, send })

export const BEHAVIOUR_CASES: readonly BehaviourCase[] = [
  ...[
    'ok',
    'chunked',
    'trailers',
    'until_close',
    'closing',
    'empty',
    'none',
    'not_modified',
    'reason',
    'odd_status',
    'early_hints',
    'continue',
    'headers',
  ].flatMap((name) => [one(`GET ${name}`, get(`/x/${name}`)), one(`HEAD ${name}`, `HEAD /x/${name} HTTP/1.1\r\nHost: a.example\r\n\r\n`)]),
  ...['cut', 'cut_chunked', 'drop', 'reset', 'garbage', 'both', 'slow_body', 's500', 's503', 'overloaded'].map((name) =>
    one(name, get(`/x/${name}`)),
  ),
  one('two in a row', get('/x/ok'), get('/x/chunked')),
  one('pipelined', get('/x/ok') + get('/x/chunked') + get('/direct')),
  one('post', post('/x/echo', 'hello')),
  one('post in pieces', 'POST /x/echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhe', 'll', 'o'),
  one(
    'post chunked',
    'POST /x/echo HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    '1;x=y\r\n!\r\n0\r\nx-t: v\r\n\r\n',
  ),
  one('post nothing', 'POST /x/echo HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  one('get with body', `GET /x/echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc`),
  one('delete', 'DELETE /x/echo HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  one('options', 'OPTIONS /x/echo HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  one('trace', 'TRACE /x/echo HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  one('expect', 'POST /x/echo HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n', 'hello'),
  one('expect denied', 'POST /direct HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n', 'hello'),
  one('close', get('/x/ok', 'Connection: close\r\n')),
  one('keep-alive', get('/x/echo', 'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n')),
  one('hop headers', get('/x/echo', 'Connection: x-a, close\r\nX-A: 1\r\nTE: trailers, gzip\r\nProxy-Connection: keep-alive\r\n')),
  one('several values', get('/x/echo', 'X-A: 1\r\nx-a: 2\r\nCookie: a=b\r\nAccept: x\r\nAccept: y\r\n')),
  one(
    'user agent and more',
    get('/x/echo', 'User-Agent: me\r\nX-Forwarded-For: 127.0.0.9\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc\r\n'),
  ),
  one('absolute', 'GET http://other.example/x/echo HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  one('retried twice', get('/r5xx/twice_bad')),
  one('retried in vain', get('/r5xx/s503')),
  one('retried after a drop', get('/r5xx/once_dropped')),
  one('dropped again and again', get('/r5xx/drop')),
  one('overloaded is not retried', get('/r5xx/overloaded')),
  one('gateway error', get('/rgateway/twice_bad')),
  one('gateway error is not 500', get('/rgateway/s500')),
  one('reset is retried', get('/rreset/once_dropped')),
  one('reset is not 503', get('/rreset/s503')),
  one('connect failure in vain', get('/rconnect/ok')),
  one('status codes', get('/rcodes/once_418')),
  one('retriable headers', get('/rheaders/once_418')),
  one('4xx', get('/r4xx/once_409')),
  one('post is retried with its body', post('/r5xx/echo/twice_bad', 'hello')),
  one('post in pieces is retried', 'POST /r5xx/p/twice_bad HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhe', 'llo'),
  one('a try times out', get('/rtry/once_never')),
  one('every try times out', get('/rtry/never')),
  one('per try timeout without retry', get('/pertry/never')),
  one('timeout', get('/timeout/never')),
  one('timeout of a slow answer', get('/timeout/slow')),
  one('timeout in a body', get('/timeout/slow_body')),
  one(
    'timeout of grpc',
    'POST /timeout/never HTTP/1.1\r\nHost: a.example\r\ncontent-type: application/grpc\r\nte: trailers\r\nContent-Length: 0\r\n\r\n',
  ),
  one('idle', get('/idle/never')),
  one('idle in a body', get('/idle/slow_body')),
  one('idle in a request', 'POST /idle/never HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhe'),
  one('connect', 'CONNECT up.example:80 HTTP/1.1\r\nHost: up.example:80\r\n\r\n', get('/x/ok')),
  one('counted', get('/c/twice_bad', '', 'counted')),
  one('dead', get('/dead/ok')),
  one('dead post', post('/dead/ok', 'hello')),
  one('empty cluster', get('/empty/ok')),
  one('missing cluster', get('/missing/ok')),
  one('mutated', get('/mut/headers')),
  one('mutated local', get('/mut/drop')),
  one('mirror', post('/mirror/echo', 'hello')),
  one('auto host', get('/auto/echo')),
  one('delay', get('/delay/ok')),
  one('abort', get('/abort/ok')),
  one('limited', get('/limited/ok'), get('/limited/ok'), get('/limited/ok')),
  one('direct', get('/direct')),
  one('direct head', 'HEAD /direct HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  one('moved', get('/moved')),
  one('direct with a body', post('/direct', 'hello')),
  one('websocket', get('/ws/switch', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'), 'hello', 'again'),
  one('websocket in one', `${get('/ws/switch', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')}hello`),
  one('websocket refused by the upstream', get('/ws/ok', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')),
  one('websocket not allowed', get('/x/switch', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')),
  one('h2c is ignored', get('/x/echo', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n')),
  { name: 'half closed', send: [get('/x/slow')], half: true },
  { name: 'cut in a body', send: ['POST /x/echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 50\r\n\r\nhello'], half: true },
  { name: 'websocket half closed', send: [get('/ws/switch', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'), 'hello'], half: true },
]
