/** What a bootstrap's runtime changes about routing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { actions } from '../action/table.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from '../input/read.ts'
import { decide } from './eval.ts'
import { findRoutes } from './find-routes.ts'
import type { Decision } from './model.ts'
import type { RequestLine } from './request.ts'
import { readRuntime } from './runtime.ts'

type Fields = Readonly<Record<string, unknown>>

/** Asks one route under the runtime layers of a bootstrap. */
function asker(route: Fields, ...layers: readonly Fields[]): (line?: Partial<RequestLine>) => Decision {
  const virtualHosts = [{ name: 'v', domains: ['*'], routes: [route] }]
  const resources = [{ '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration', name: 'r', virtual_hosts: virtualHosts }]
  const bootstrap = { layered_runtime: { layers: layers.map((layer, index) => ({ name: `l${index}`, static_layer: layer })) } }
  const input = readInput(
    [resources, bootstrap].map((value, index) => ({ name: `${index}.json`, bytes: Buffer.from(JSON.stringify(value)) })),
    createDiagnostics(),
  )
  const routes = findRoutes(input.resources, actions)
  const table = routes.table('r')
  if (table === undefined) throw new Error('no table')
  return (line) =>
    decide(
      table,
      routes.bare,
      { method: 'GET', authority: 'a', path: '/', headers: [], ...line },
      { rules: actions, clusterExists: routes.clusterExists },
    )
}

const share = {
  match: { prefix: '/', runtime_fraction: { default_value: { numerator: 100 }, runtime_key: 'rk.a' } },
  route: { cluster: 'c' },
}

test('fractions: a number is a percentage, an object a fraction, later layers win', () => {
  assert.is(asker(share)().outcome, 'cluster')
  assert.is(asker(share, { 'rk.a': 0 })().outcome, 'no_route')
  assert.is(asker(share, { rk: { a: 40 } })({ random: 0.39 }).outcome, 'cluster')
  assert.is(asker(share, { rk: { a: 40 } })({ random: 0.4 }).outcome, 'no_route')
  const fine = { rk: { a: { numerator: 1, denominator: 'TEN_THOUSAND' } } }
  assert.is(asker(share, fine)({ random: 0.0002 }).outcome, 'no_route')
  assert.is(asker(share, { 'rk.a': 0 }, { 'rk.a': 100 })().outcome, 'cluster')
})

test('weights of clusters under runtime_key_prefix', () => {
  const clusters = [
    { name: 'a', weight: 100 },
    { name: 'b', weight: 0 },
  ]
  const route = { match: { prefix: '/' }, route: { weighted_clusters: { runtime_key_prefix: 'w', clusters } } }
  assert.is(asker(route)().cluster, 'a')
  assert.is(asker(route, { w: { a: 0, b: 5 } })().cluster, 'b')
})

test('reloadable features', () => {
  const route = { match: { prefix: '/', headers: [{ name: 'x', string_match: { exact: 'a,b' } }] }, route: { cluster: 'c' } }
  const headers = [
    ['x', 'a'],
    ['x', 'b'],
  ] as const
  assert.is(asker(route)({ headers }).outcome, 'no_route')
  assert.is(asker(route, { 'envoy.reloadable_features.match_headers_individually': false })({ headers }).outcome, 'cluster')
  const any = { match: { prefix: '/' }, route: { cluster: 'c' } }
  assert.is(asker(any)({ path: '/a#b' }).status, 400)
  assert.is(asker(any, { 'envoy.reloadable_features.http_reject_path_with_fragment': false })({ path: '/a#b' }).path, '/a')
})

test('numbers, also in quotes; what is none is not set', () => {
  const layer = { a: 1.5, b: '0.25', c: 'many', d: true, e: '', 'f.g': 0 }
  const text = JSON.stringify({ layered_runtime: { layers: [{ name: 'l', static_layer: layer }] } })
  const { number } = readRuntime(readInput([{ name: 'b.json', bytes: Buffer.from(text) }], createDiagnostics()).resources)
  assert.equal(['a', 'b', 'c', 'd', 'e', 'f.g', 'h'].map(number), [1.5, 0.25, undefined, undefined, undefined, 0, undefined])
})

test.run()
