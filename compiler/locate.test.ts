import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { locatePath } from './locate.ts'

const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
const json = (text: string) => [{ name: 'snapshot.json', bytes: Buffer.from(text) }]
const snapshot = json(`[
  {"@type": "${CLUSTER}", "name": "a", "connectTimeout": "1s"},
  {
    "@type": "${CLUSTER}",
    "name": "b",
    "type": "STATIC",
    "load_assignment": {
      "cluster_name": "b",
      "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 80}}}}]}
      ]
    }
  }
]
`)

test('a resource, a field in either spelling, a list element', () => {
  assert.equal(locatePath('cds["b"]', snapshot), {
    path: 'cds["b"]',
    position: { file: 'snapshot.json', line: 3, column: 3 },
    diagnostics: [],
  })
  const line = (path: string): number | undefined => locatePath(path, snapshot).position?.line
  assert.is(line('cds["a"].connect_timeout'), 2)
  assert.is(line('cds["b"].type'), 6)
  assert.is(line('cds["b"].load_assignment.endpoints[0]'), 10)
  assert.is(line('cds["b"].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value'), 10)
  for (const path of ['cds["a"].connect_timeout', 'cds["b"].load_assignment.endpoints[0]'])
    assert.equal(locatePath(path, snapshot).diagnostics, [], path)
})

test('what is not written gives the nearest part, and says so', () => {
  const { position, diagnostics } = locatePath('cds["b"].load_assignment.policy.overprovisioning_factor', snapshot)
  assert.is(position?.line, 7)
  assert.equal(
    diagnostics.map(({ code, severity, message }) => [code, severity, message]),
    [['KM1804', 'warning', 'the snapshot has cds["b"].load_assignment, without policy.overprovisioning_factor']],
  )
})

test('a resource that is not there is an error that names those that are', () => {
  const { position, diagnostics } = locatePath('cds["c"].type', snapshot)
  assert.is(position, undefined)
  assert.equal(
    diagnostics.map(({ code, fix }) => [code, fix]),
    [['KM1803', 'the snapshot has cds["a"], cds["b"]']],
  )
  for (const path of ['', 'nonsense', 'cds', '["a"]', 'lds["a"]', '__proto__', 'cds["a'])
    assert.is(locatePath(path, snapshot).diagnostics[0]?.code, 'KM1803', path)
})

test('a snapshot that cannot be read says why', () => {
  const { diagnostics } = locatePath('cds["a"]', json('{"name": '))
  assert.equal(
    diagnostics.map(({ code }) => code),
    ['KM1003', 'KM1803'],
  )
})

test('findings elsewhere do not matter', () => {
  const wrong = json(`[{"@type": "${CLUSTER}", "name": "a", "connect_timeout": 7, "nonsense": 1}]`)
  assert.equal(locatePath('cds["a"].name', wrong).diagnostics, [])
})

test.run()
