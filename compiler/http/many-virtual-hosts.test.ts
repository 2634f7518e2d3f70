/** Virtual hosts that are read when they are asked for say what those say that are read at once, and every field of theirs is accounted for. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createActions } from '../action/table.ts'
import { examine } from '../compile.ts'
import { createDiagnostics } from '../diag/sink.ts'
import type { Cursor } from '../input/cursor.ts'
import { readInput } from '../input/read.ts'
import { MANY, manyVirtualHosts } from './many-virtual-hosts.ts'
import type { VirtualHost } from './model.ts'
import { readRouteConfiguration, virtualHostReader } from './read-route-configuration.ts'
import { NO_RUNTIME } from './runtime.ts'

const TYPE = 'type.googleapis.com/envoy'
const configuration = (virtual_hosts: readonly object[]) => ({
  '@type': `${TYPE}.config.route.v3.RouteConfiguration`,
  name: 'r',
  virtual_hosts,
})
const plain = (name: string) => ({ name, domains: [name], routes: [{ match: { prefix: '/' }, route: { cluster: 'c' } }] })
const RICH = {
  ...plain('rich'),
  require_tls: 'ALL',
  request_headers_to_add: [{ header: { key: 'a', value: 'b' } }],
  retry_policy: { retry_on: '5xx' },
  hedge_policy: { hedge_on_per_try_timeout: true },
  request_mirror_policies: [{ cluster: 'm' }],
  typed_per_filter_config: { f: { '@type': `${TYPE}.extensions.filters.http.fault.v3.HTTPFault` } },
  include_request_attempt_count: true,
  include_attempt_count_in_response: true,
  metadata: { filter_metadata: { a: { b: 1 } } },
  virtual_clusters: [{ name: 'v', headers: [{ name: 'x', present_match: true }] }],
}

function cursorOf(virtualHosts: readonly object[]): Cursor {
  const bytes = Buffer.from(JSON.stringify([configuration(virtualHosts)]))
  return readInput([{ name: 'x.json', bytes }], createDiagnostics()).resources[0]?.cursor as Cursor
}

test('every field is the same', () => {
  const at = cursorOf([plain('a'), RICH, plain('b')])
  const rules = createActions(() => undefined)
  const once = readRouteConfiguration(at, rules).virtualHosts
  const many = manyVirtualHosts(at, virtualHostReader({ ignorePathParameters: false, runtime: NO_RUNTIME, rules }))
  assert.is(many.length, once.length)
  for (const [index, host] of once.entries())
    for (const name of Object.keys(host) as (keyof VirtualHost)[]) assert.equal(many[index]?.[name], host[name], `${index} ${name}`)
  assert.is(many[1]?.routes, many[1]?.routes, 'the last few are kept')
})

test('nothing is unclassified, and every route is in a lane', () => {
  const hosts = Array.from({ length: MANY }, (_, index) => (index === 7 ? RICH : plain(`h${index}`)))
  const resources = [
    {
      '@type': `${TYPE}.config.listener.v3.Listener`,
      name: 'l',
      address: { socket_address: { address: '127.0.0.1', port_value: 80 } },
      filter_chains: [
        {
          filters: [
            {
              name: 'hcm',
              typed_config: {
                '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                stat_prefix: 's',
                rds: { route_config_name: 'r', config_source: { ads: {} } },
                http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } }],
              },
            },
          ],
        },
      ],
    },
    configuration(hosts),
  ]
  const options = { resolve: new Map(), addresses: [], plaintextTo: new Set<string>(), strict: false }
  const source = { name: 'x.json', bytes: Buffer.from(JSON.stringify(resources)) }
  const { coverage, lanes } = examine([source], options, createDiagnostics(), () => undefined)
  assert.is(coverage.unclassified, 0)
  assert.is(lanes.switched + lanes.userSpace + lanes.waypoint, MANY)
  const count = (path: string): number =>
    coverage.fields.filter((field) => field.path === path).reduce((sum, field) => sum + field.count, 0)
  assert.is(count('rds[].virtual_hosts[].name'), MANY)
  assert.is(count('rds[].virtual_hosts[].virtual_clusters[].name'), 1)
})

test.run()
