import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { serveRoutes } from '../../../scripts/kit/act-service.ts'
import type { ActAnswer } from '../../../scripts/kit/try-act.ts'
import type { JsonObject } from '../../../scripts/oracle/envoy.ts'

const get = (path: string, ...lines: readonly string[]): string => [`GET ${path} HTTP/1.1`, 'Host: a.com:80', ...lines, '', ''].join('\r\n')

function forwarded(answer: ActAnswer): string {
  if (answer.kind !== 'forward') throw new Error(JSON.stringify(answer))
  return answer.text
}

test('auto_host_rewrite is the kernel\u2019s where all endpoints have the same name, or none', async () => {
  const cluster = (name: string, ...hostnames: readonly string[]): JsonObject => ({
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name,
    type: 'STATIC',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: hostnames.map((hostname) => ({
            endpoint: { hostname, address: { socket_address: { address: '127.64.0.9', port_value: 80 } } },
          })),
        },
      ],
    },
  })
  const to = (prefix: string, route: JsonObject): JsonObject => ({ match: { prefix }, route: { auto_host_rewrite: true, ...route } })
  const split = (...names: readonly string[]): JsonObject => ({
    weighted_clusters: { clusters: names.map((name) => ({ name, weight: 1 })) },
  })
  const { trial, lanes, ask } = await serveRoutes(
    [
      to('/none', { cluster: 'c0' }),
      to('/same', { cluster: 'c1', prefix_rewrite: '/there' }),
      to('/kept', { cluster: 'c1', append_x_forwarded_host: true }),
      to('/different', { cluster: 'c2' }),
      to('/named', { cluster_header: 'x-cluster' }),
      to('/unknown', { cluster: 'c3' }),
      to('/split', split('c0', 'c1')),
    ],
    {},
    {},
    [cluster('c0', '', ''), cluster('c1', 'one.example', 'one.example'), cluster('c2', 'one.example', 'two.example')],
  )
  assert.equal(
    lanes.virtualHosts[0]?.routes.map(({ lane, why }) => (lane === 'kernel' ? lane : why)),
    [
      'kernel',
      'kernel',
      'kernel',
      'auto_host_rewrite to endpoints of different names',
      'auto_host_rewrite of a cluster that is not known beforehand',
      'kernel',
      'kernel',
    ],
  )
  const hosts = (path: string, random = 0n): string =>
    (/^host: (.*)\r$/im.exec(forwarded(ask(get(path), { random }))) as RegExpExecArray)[1] as string
  assert.is(hosts('/none'), 'a.com:80')
  assert.is(hosts('/same'), 'one.example')
  assert.match(forwarded(ask(get('/kept'))), /host: one\.example\r\n.*x-forwarded-host: a\.com:80\r\n/is)
  assert.equal([hosts('/split', 0n), hosts('/split', 1n)], ['a.com:80', 'one.example'])
  trial.close()
})

test('retries are the kernel\u2019s to begin with where a status or a loss is what they wait for', async () => {
  const to = (policy: JsonObject): JsonObject => ({
    match: { prefix: '/' },
    route: { cluster: 'c0', retry_policy: { num_retries: 1, ...policy } },
  })
  const headers = [{ name: 'x-again', present_match: true }]
  const { trial, lanes } = await serveRoutes([
    to({ retry_on: '5xx,gateway-error,retriable-4xx,reset,connect-failure' }),
    to({ retry_on: 'retriable-status-codes', retriable_status_codes: [404, 599, 344] }),
    to({ retry_on: 'retriable-status-codes', retriable_status_codes: [200] }),
    to({ retry_on: 'retriable-headers', retriable_headers: headers }),
    to({ retry_on: 'retriable-headers' }),
    to({ retry_on: 'envoy-ratelimited' }),
    to({ retry_on: '5xx', per_try_idle_timeout: '1s' }),
    to({ retry_on: 'envoy-ratelimited', num_retries: 0 }),
  ])
  assert.equal(
    lanes.virtualHosts[0]?.routes.map(({ lane, why }) => (lane === 'kernel' ? lane : why)),
    [
      'kernel',
      'kernel',
      'retries on the status 200',
      'retries on retriable-headers',
      'kernel',
      'retries on envoy-ratelimited',
      'per_try_idle_timeout',
      'kernel',
    ],
  )
  trial.close()
})

test.run()
