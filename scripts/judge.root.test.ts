/** The judge itself: reached, failed and passed, over both protocols and families, and that nothing stays behind. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findCgroup2 } from '../runtime/sys/mountinfo.ts'
import { ROOT } from './commands.ts'
import type { Resource } from './generate.ts'
import { assignment, cluster, lbEndpoint, listener, socketAddress, tcpService } from './stress/snapshots.ts'

const TYPE = 'type.googleapis.com/envoy'

function proxy(extension: string, config: Resource): Resource {
  return { name: extension, typed_config: { '@type': `${TYPE}.extensions.filters.${extension}`, stat_prefix: 'x', ...config } }
}

const route = {
  matcher: {
    on_no_match: {
      action: { name: 'route', typed_config: { '@type': `${TYPE}.extensions.filters.udp.udp_proxy.v3.Route`, cluster: 'dns' } },
    },
  },
}

const snapshot: readonly Resource[] = [
  ...tcpService({
    name: 'web',
    address: '10.96.0.1',
    port: 80,
    endpoints: [
      { address: '10.1.0.1', port: 8080 },
      { address: '10.1.0.2', port: 8080 },
    ],
  }),
  ...tcpService({ name: 'six', address: 'fd00:96::1', port: 80, endpoints: [{ address: 'fd00:1::1', port: 8080 }] }),
  ...tcpService({ name: 'headless', address: '10.1.0.9', port: 9000, endpoints: [{ address: '10.1.0.9', port: 9000 }] }),
  ...tcpService({ name: 'loop', address: '127.96.42.1', port: 80, endpoints: [{ address: '127.96.42.2', port: 27401 }] }),
  listener('one at a time', { address: '10.96.0.4', port: 80 }, { cluster: 'one' }),
  cluster('one', 'ROUND_ROBIN', { circuit_breakers: { thresholds: [{ max_connections: 1 }] } }),
  assignment('one', [{ lb_endpoints: [lbEndpoint({ address: '10.1.0.1', port: 8080 })] }]),
  listener('empty', { address: '10.96.0.2', port: 80 }, { cluster: 'nothing' }),
  cluster('nothing', 'ROUND_ROBIN'),
  assignment('nothing', []),
  {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name: 'http',
    address: socketAddress({ address: '10.96.0.3', port: 80 }),
    bind_to_port: false,
    filter_chains: [
      {
        filters: [
          proxy('network.http_connection_manager.v3.HttpConnectionManager', {
            rds: { route_config_name: 'elsewhere', config_source: { ads: {} } },
          }),
        ],
      },
    ],
  },
  {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name: 'dns',
    address: { socket_address: { protocol: 'UDP', address: '10.96.0.10', port_value: 53 } },
    udp_listener_config: {},
    listener_filters: [proxy('udp.udp_proxy.v3.UdpProxyConfig', route)],
  },
  cluster('dns', 'ROUND_ROBIN'),
  assignment('dns', [{ lb_endpoints: [lbEndpoint({ address: '10.1.0.53', port: 5353 })] }]),
]

interface Answer {
  readonly id: string
  readonly reached: Readonly<Record<string, number>>
  readonly failed: Readonly<Record<string, number>>
  readonly passed: number
}

function judge(dials: readonly object[], ...options: readonly string[]): readonly Answer[] {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-judge-test-'))
  writeFileSync(join(folder, 'snapshot.json'), JSON.stringify(snapshot))
  writeFileSync(join(folder, 'dials.jsonl'), dials.map((dial) => JSON.stringify(dial)).join('\n'))
  const args = [
    '--import',
    'tsx',
    join(ROOT, 'scripts/judge.ts'),
    'l4',
    join(folder, 'snapshot.json'),
    join(folder, 'dials.jsonl'),
    ...options,
  ]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  assert.is(status, 0, stderr)
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer)
}

const reached = (places: Answer['reached']): Omit<Answer, 'id'> => ({ reached: places, failed: {}, passed: 0 })
const refused = (count: number): Omit<Answer, 'id'> => ({ reached: {}, failed: { ECONNREFUSED: count }, passed: 0 })
const passed = (count: number): Omit<Answer, 'id'> => ({ reached: {}, failed: {}, passed: count })

const cases: readonly (readonly [string, object, Omit<Answer, 'id'>])[] = [
  ['service', { address: '10.96.0.1', port: 80, count: 10 }, reached({ '10.1.0.1:8080': 5, '10.1.0.2:8080': 5 })],
  ['mapped', { address: '10.96.0.1', port: 80, count: 4, socket: 'v6' }, reached({ '10.1.0.1:8080': 2, '10.1.0.2:8080': 2 })],
  ['v6', { address: 'fd00:96:0::1', port: 80, count: 3 }, reached({ '[fd00:1::1]:8080': 3 })],
  ['loopback', { address: '127.96.42.1', port: 80, count: 2 }, reached({ '127.96.42.2:27401': 2 })],
  ['udp', { protocol: 'udp', address: '10.96.0.10', port: 53, count: 3 }, reached({ '10.1.0.53:5353': 3 })],
  ['udp sendto', { protocol: 'udp', address: '10.96.0.10', port: 53, count: 3, datagram: 'sendto' }, reached({ '10.1.0.53:5353': 3 })],
  ['max_connections 1, one after the other', { address: '10.96.0.4', port: 80, count: 50 }, reached({ '10.1.0.1:8080': 50 })],
  ['the service address is the endpoint', { address: '10.1.0.9', port: 9000, count: 3 }, reached({ '10.1.0.9:9000': 3 })],
  ['no endpoints', { address: '10.96.0.2', port: 80, count: 2 }, refused(2)],
  ['diverted', { address: '10.96.0.3', port: 80, count: 2 }, refused(2)],
  ['no listener on that port', { address: '10.96.0.1', port: 81, count: 2 }, passed(2)],
  ['an endpoint by its own address', { address: '10.1.0.1', port: 8080, count: 2 }, passed(2)],
  ['an unknown loopback address', { address: '127.96.42.9', port: 80, count: 2 }, passed(2)],
  ['TCP to the UDP listener', { address: '10.96.0.10', port: 53, count: 1 }, passed(1)],
  [
    'a v6 address on a v4 socket',
    { address: 'fd00:96::1', port: 80, count: 1, socket: 'v4' },
    { reached: {}, failed: { EAFNOSUPPORT: 1 }, passed: 0 },
  ],
  ['UDP to a TCP listener', { protocol: 'udp', address: '10.96.0.1', port: 80, count: 1 }, passed(1)],
]

test('each dial is told apart: reached, failed, passed', () => {
  const answers = judge(cases.map(([id, dial]) => ({ id, protocol: 'tcp', ...dial })))
  for (const [index, [id, , expected]] of cases.entries()) assert.equal(answers[index], { id, ...expected }, id)
})

test('--diverted=pass leaves connections to a diverted listener alone', () => {
  assert.equal(judge([{ id: 1, protocol: 'tcp', address: '10.96.0.3', port: 80, count: 2 }], '--diverted=pass'), [{ id: 1, ...passed(2) }])
})

test('nothing stays behind', () => {
  const base = findCgroup2()
  assert.ok(base !== undefined)
  assert.equal(
    readdirSync(base as string).filter((name) => name.startsWith('kmesh-judge')),
    [],
  )
})

for (const [title, args, code] of [
  ['another layer', ['l7', 'a', 'b'], 2],
  ['too few arguments', ['l4', 'a'], 2],
  ['an unknown option', ['l4', 'a', 'b', '--nope'], 2],
  ['dials that are not there', ['l4', 'a', '/nonexistent/dials'], 1],
] as const) {
  test(`${title}: exit ${code}, one line on standard error`, () => {
    const result = spawnSync(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/judge.ts'), ...args], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    assert.is(result.status, code, result.stderr)
    assert.is(result.stdout, '')
    assert.match(result.stderr, /^judge: /)
  })
}

test.run()
