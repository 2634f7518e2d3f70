import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { stringify } from 'yaml'
import { placed } from '../diag/place.ts'
import { renderText } from '../diag/render.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { measureCoverage } from './coverage.ts'
import { readInput } from './read.ts'

const type = (name: string, fields: object) => ({ '@type': `type.googleapis.com/envoy.${name}`, ...fields })

/** One of everything: messages, lists, maps, Any, TypedStruct, wrappers, durations, enums, oneofs, Struct, bytes. */
const SNAPSHOT = {
  configs: [
    type('admin.v3.BootstrapConfigDump', {
      bootstrap: { node: { id: 'node', metadata: { a: [1, 'x', null, { b: true }] } }, static_resources: { clusters: [{ name: 's' }] } },
    }),
    type('admin.v3.ListenersConfigDump', {
      dynamic_listeners: [
        {
          name: 'l',
          active_state: {
            version_info: '1',
            listener: type('config.listener.v3.Listener', {
              name: 'l',
              address: { socket_address: { address: '10.0.0.1', port_value: 80 } },
              bind_to_port: false,
              traffic_direction: 'OUTBOUND',
              filter_chains: [
                {
                  filter_chain_match: { prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
                  filters: [
                    {
                      name: 't',
                      typed_config: type('extensions.filters.network.tcp_proxy.v3.TcpProxy', {
                        stat_prefix: 't',
                        weighted_clusters: { clusters: [{ name: 'c', weight: 1 }] },
                        idle_timeout: '0.5s',
                      }),
                    },
                    {
                      name: 'u',
                      typed_config: {
                        '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
                        type_url: 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                        value: { stat_prefix: 'u', cluster: 'c' },
                      },
                    },
                    { name: 'v', typed_config: { '@type': 'type.googleapis.com/some.Unknown', x: 1 } },
                  ],
                },
              ],
            }),
          },
          error_state: { details: 'no' },
        },
      ],
    }),
    type('admin.v3.ClustersConfigDump', {
      dynamic_active_clusters: [
        {
          cluster: type('config.cluster.v3.Cluster', {
            name: 'c',
            type: 'EDS',
            connect_timeout: '1s',
            circuit_breakers: { thresholds: [{ max_connections: 5 }] },
            common_lb_config: { healthy_panic_threshold: { value: 12.5 } },
            metadata: { filter_metadata: { f: { k: 'v' } } },
            health_checks: [
              {
                timeout: '1s',
                interval: '1s',
                unhealthy_threshold: 1,
                healthy_threshold: 1,
                tcp_health_check: { send: { binary: 'AAEC' } },
              },
            ],
          }),
        },
      ],
    }),
    type('admin.v3.EndpointsConfigDump', {
      dynamic_endpoint_configs: [
        {
          endpoint_config: type('config.endpoint.v3.ClusterLoadAssignment', {
            cluster_name: 'c',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '10.0.0.2', port_value: 80 } } }, load_balancing_weight: 3 },
                ],
              },
            ],
          }),
        },
      ],
    }),
  ],
}

/** Everything that a command does with an input; -> the codes. Throws only when something here is wrong. */
function run(text: string | Uint8Array, name = 'x.json'): readonly string[] {
  const diag = createDiagnostics()
  const input = readInput([{ name, bytes: typeof text === 'string' ? Buffer.from(text) : text }], diag)
  const found = placed(diag.list, input.locate)
  renderText(found, { colour: false })
  measureCoverage(input.resources, { fields: {}, prefixes: {} })
  for (const { file, line, column, path } of found)
    assert.ok(path === '' || (file !== undefined && (line ?? 0) > 0 && (column ?? 0) > 0), path)
  return found.map(({ code }) => code)
}

test('the snapshot itself is fine but for what the proxy said', () => {
  assert.equal(run(JSON.stringify(SNAPSHOT)), ['KM1016'])
  assert.equal(run(stringify(SNAPSHOT), 'x.yaml'), ['KM1016'])
})

test('cut off anywhere', () => {
  const json = JSON.stringify(SNAPSHOT)
  for (let end = 0; end < json.length; end += 3) assert.match(run(json.slice(0, end))[0] ?? '', /^KM100[23]$/, String(end))
  const yaml = stringify(SNAPSHOT)
  for (let end = 0; end < yaml.length; end += 97) run(yaml.slice(0, end), 'x.yaml')
})

const WRONG: readonly unknown[] = [
  null,
  5,
  -1,
  1.5,
  '',
  'x',
  true,
  [],
  {},
  [null],
  [[]],
  { x: 1 },
  { '@type': 5 },
  { '@type': 'a/b.C' },
  '\ud800',
  1e308,
  ['x', 'x'],
  [{}],
  { seconds: 'x' },
]

/** every value of the snapshot in turn replaced by a wrong one */
function mutate(visit: (text: string, path: string) => void): void {
  const walk = (node: unknown, path: string, replace: (value: unknown) => void) => {
    for (const wrong of WRONG) {
      replace(wrong)
      visit(JSON.stringify(SNAPSHOT), path)
    }
    replace(node)
    if (typeof node !== 'object' || node === null) return
    const object = node as Record<string, unknown>
    for (const key of Object.keys(object)) walk(object[key], `${path}/${key}`, (value) => (object[key] = value))
  }
  const root = SNAPSHOT as Record<string, unknown>
  for (const key of Object.keys(root)) walk(root[key], key, (value) => (root[key] = value))
}

test('a wrong value in every place', () => {
  let count = 0
  mutate((text, path) => {
    try {
      run(text)
    } catch (error) {
      assert.unreachable(`${path}: ${(error as Error).stack}`)
    }
    count++
  })
  assert.ok(count > 1500, String(count))
})

test('bytes flipped, inserted, removed', () => {
  const bytes = Buffer.from(JSON.stringify(SNAPSHOT))
  let seed = 7
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return (seed >>> 8) % below
  }
  for (let round = 0; round < 1500; round++) {
    const copy = Buffer.from(bytes)
    for (let times = random(3); times >= 0; times--) copy[random(copy.length)] = random(256)
    const cut = random(copy.length)
    run(round % 3 === 0 ? Buffer.concat([copy.subarray(0, cut), copy.subarray(cut + random(9))]) : copy, round % 2 === 0 ? 'x.json' : '-')
  }
})

test('shapes that break careless readers', () => {
  const cluster = (fields: string) => `[{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a", ${fields}}]`
  const struct = (depth: number) => cluster(`"metadata": {"filter_metadata": {"a": ${'{"b":'.repeat(depth)}1${'}'.repeat(depth)}}}`)
  assert.equal(run(struct(80)), [])
  assert.equal(run(struct(10_000)), ['KM1017'])
  assert.equal(run(cluster(`"foo": ${'['.repeat(400)}${']'.repeat(400)}`)), ['KM1102'])
  assert.equal(run(cluster('"__proto__": {"name": "b"}, "constructor": {"prototype": 1}')), ['KM1102', 'KM1102'])
  assert.is(({} as Record<string, unknown>).name, undefined)
  assert.equal(run(cluster(`"alt_stat_name": "${'x'.repeat(3_000_000)}"`)), [])
  assert.equal(run(cluster(`"per_connection_buffer_limit_bytes": ${'9'.repeat(100_000)}`)), ['KM1106'])
  assert.equal(run(cluster('"per_connection_buffer_limit_bytes": 1e999')), ['KM1106'])
  assert.equal(run(`${' '.repeat(100_000)}{}`), ['KM1010'])
  assert.equal(
    run('{"configs": [[[[]]], 5, null, {"@type": {}}, {"@type": "x/envoy.admin.v3.ClustersConfigDump", "static_clusters": {"a": 1}}]}')
      .filter((code) => code !== 'KM1011')
      .sort(),
    ['KM1010', 'KM1101'],
  )
})

test.run()
