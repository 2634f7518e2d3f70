/** From request to decision: order of routes, clusters, TLS, upgrades, and the explanation. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askRoute } from '../../scripts/kit/ask-route.ts'
import type { Explanation } from './eval.ts'

type Fields = Readonly<Record<string, unknown>>

const routes = (list: readonly Fields[], host: Fields = {}, settings: Fields = {}) =>
  askRoute({ ...settings, virtual_hosts: [{ name: 'v', domains: ['*'], routes: list, ...host }] })

test('the first route whose conditions hold', () => {
  const ask = routes([
    { match: { prefix: '/a', headers: [{ name: 'x', present_match: true }] }, route: { cluster: 'one' } },
    { match: { prefix: '/a' }, route: { cluster: 'two' } },
    { match: { path: '/a/b' }, route: { cluster: 'three' } },
  ])
  assert.is(ask({ path: '/a/b' }).cluster, 'two')
  assert.is(ask({ path: '/a/b', headers: [['x', '']] }).cluster, 'one')
  const none = ask({ path: '/b' })
  assert.equal([none.outcome, none.status, none.reason], ['no_route', 404, 'route_not_found'])
})

test('an explanation names what was tried, and changes nothing', () => {
  const ask = routes([
    { name: 'r0', match: { prefix: '/x' }, route: { cluster: 'one' } },
    { name: 'r1', match: { prefix: '/', headers: [{ name: 'x', string_match: { exact: 'a' } }] }, route: { cluster: 'two' } },
    { name: 'r2', match: { prefix: '/' }, route: { cluster: 'three' } },
  ])
  const explanation: Explanation = { tried: [] }
  assert.is(ask({}, {}, explanation).route, 'r2')
  assert.equal(explanation.tried, [
    { path: 'rds["test"].virtual_hosts[0].routes[0]', name: 'r0', why: 'the path "/" does not start with "/x"' },
    { path: 'rds["test"].virtual_hosts[0].routes[1]', name: 'r1', why: 'the header x is missing; it must equal "a"' },
  ])
  assert.equal([explanation.host, explanation.domain], ['a.com', '*'])
})

test('weighted clusters: the interval that the random number falls into', () => {
  const ask = routes([
    {
      match: { prefix: '/' },
      route: {
        weighted_clusters: {
          clusters: [
            { name: 'a', weight: 0 },
            { name: 'b', weight: 30 },
            { name: 'c', weight: 70 },
          ],
          header_name: 'x-r',
        },
      },
    },
  ])
  assert.is(ask({ random: 0 }).cluster, 'b')
  assert.is(ask({ random: 0.2999 }).cluster, 'b')
  assert.is(ask({ random: 0.3 }).cluster, 'c')
  assert.is(ask({ random: 0.9999 }).cluster, 'c')
  const named = (...values: readonly string[]) => ask({ random: 0, headers: values.map((value) => ['x-r', value] as const) }).cluster
  assert.is(named('30'), 'c')
  assert.is(named('129'), 'b')
  assert.is(named('18446744073709551615'), 'b')
  assert.is(named('99', '99'), 'b')
  assert.is(named('x'), 'b')
})

test('cluster_header: the first value; none is no cluster', () => {
  const ask = routes([
    { match: { path: '/named' }, route: { cluster: 'w' } },
    { match: { prefix: '/' }, route: { cluster_header: 'X-C', cluster_not_found_response_code: 'NOT_FOUND' } },
  ])
  assert.is(
    ask({
      headers: [
        ['x-c', 'w'],
        ['x-c', 'z'],
      ],
    }).cluster,
    'w',
  )
  const missing = ask({ headers: [['x-c', 'z']] })
  assert.equal([missing.outcome, missing.status, missing.cluster, missing.reason], ['no_cluster', 404, 'z', 'cluster_not_found'])
  assert.is(ask().outcome, 'no_cluster')
})

test('a cluster specifier plugin is not decided here', () => {
  const ask = routes([{ match: { prefix: '/' }, route: { cluster_specifier_plugin: 'p' } }])
  assert.is(ask().outcome, 'divert')
})

test('require_tls looks at x-forwarded-proto to the letter', () => {
  const ask = routes([{ match: { prefix: '/' }, route: { cluster: 'c' } }], { require_tls: 'ALL' })
  assert.is(ask({ authority: 'a.com:80', path: '/x?y' }).location, 'https://a.com:80/x?y')
  assert.is(ask({ headers: [['x-forwarded-proto', 'https']] }).outcome, 'cluster')
  assert.is(ask({ headers: [['x-forwarded-proto', 'HTTPS']] }).status, 301)
  assert.is(ask({ headers: [['x-forwarded-proto', '']] }).outcome, 'no_route')
})

test('upgrades that nobody allows are refused, once a route is found', () => {
  const ask = routes([
    { match: { prefix: '/on' }, route: { cluster: 'c', upgrade_configs: [{ upgrade_type: 'WebSocket' }] } },
    { match: { prefix: '/off' }, route: { cluster: 'c' } },
  ])
  const headers = [
    ['connection', 'Upgrade'],
    ['upgrade', 'websocket'],
  ] as const
  assert.is(ask({ path: '/on', headers }).outcome, 'cluster')
  assert.is(ask({ path: '/off', headers }).reason, 'upgrade_failed')
  assert.is(ask({ path: '/none', headers }).outcome, 'no_route')
  assert.is(ask({ path: '/off', headers }, { upgrades: new Map([['websocket', true]]) }).outcome, 'cluster')
})

test('header values leave as bytes', () => {
  const ask = routes([{ match: { prefix: '/' }, route: { cluster: 'c' } }])
  const sent = ask({ headers: [['x-a', 'é']] }).requestHeaders ?? []
  assert.equal(
    sent.find(([name]) => name === 'x-a'),
    ['x-a', 'Ã©'],
  )
})

test('policies of the route win over those of the virtual host', () => {
  const ask = routes(
    [
      { match: { prefix: '/own' }, route: { cluster: 'c', retry_policy: { retry_on: '5xx, reset', num_retries: 3 } } },
      { match: { prefix: '/' }, route: { cluster: 'c' } },
    ],
    { retry_policy: { retry_on: 'gateway-error' }, request_mirror_policies: [{ cluster: 'm' }] },
  )
  assert.equal(ask({ path: '/own' }).detail.retry?.on, ['5xx', 'reset'])
  assert.equal(ask().detail.retry?.on, ['gateway-error'])
  assert.is(ask().detail.mirrors[0]?.cluster, 'm')
})

test.run()
