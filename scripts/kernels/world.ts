/**
 * What every kernel has to do. In: nothing. Out: snapshots, backends on loopback, questions of a governed client with the answers that may come. Between them the
 * snapshots use every kind of program: all policies over TCP and UDP, and the programs of requests.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { POLICIES } from '../../proto/abi.ts'
import { ROOT } from '../commands.ts'
import { type Ask, ask } from './ask.ts'
import { featuresAsks, featuresSnapshot } from './features.ts'
import { cluster, PORT, SERVERS, socketAddress, typed } from './resources.ts'

export interface MatrixArtifact {
  readonly name: string
  /** text of the snapshot */
  readonly snapshot: string
  readonly file: string
  readonly serve: boolean
  readonly asks: readonly Ask[]
}

export interface Backend {
  readonly address: string
  readonly port: number
  readonly protocol: 'http' | 'udp'
}

const SHOP = { address: '127.96.0.40', port: 8080 }
const SHOP_SERVERS = [1, 2, 3].map((number) => `127.96.3.${number}`)
const SHOP_PORT = 18080
const LARGE = 2_000_000

export const BACKENDS: readonly Backend[] = [
  ...SERVERS.flatMap((address) => (['http', 'udp'] as const).map((protocol) => ({ address, port: PORT, protocol }))),
  ...SHOP_SERVERS.map((address) => ({ address, port: SHOP_PORT, protocol: 'http' as const })),
]

export function matrixArtifacts(): readonly MatrixArtifact[] {
  return [
    { name: 'l4', file: 'l4.tar', serve: false, snapshot: JSON.stringify({ resources: l4Resources() }), asks: l4Asks() },
    {
      name: 'http',
      file: 'http.tar',
      serve: true,
      snapshot: readFileSync(join(ROOT, 'fixtures/demo/http.yaml'), 'utf8'),
      asks: httpAsks(),
    },
    { name: 'features', file: 'features.tar', serve: true, snapshot: featuresSnapshot(), asks: featuresAsks(SERVERS) },
  ]
}

const addressOf = (index: number): string => `127.96.8.${index + 1}`
/** A TCP and a UDP listener for each policy, at 127.96.8.1 and on. */
function l4Resources(): readonly object[] {
  return POLICIES.flatMap((policy, index) => [
    {
      '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
      name: `tcp ${policy}`,
      address: socketAddress(addressOf(index), 80),
      filter_chains: [
        {
          filters: [
            typed('tcp', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
              stat_prefix: policy,
              cluster: policy,
              ...(hashes(policy) && { hash_policy: [{ source_ip: {} }] }),
            }),
          ],
        },
      ],
    },
    {
      '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
      name: `udp ${policy}`,
      address: socketAddress(addressOf(index), 53, 'UDP'),
      udp_listener_config: {},
      listener_filters: [
        typed('udp', 'envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig', {
          stat_prefix: policy,
          matcher: {
            on_no_match: { action: typed('route', 'envoy.extensions.filters.udp.udp_proxy.v3.Route', { cluster: policy }) },
          },
        }),
      ],
    },
    cluster(policy),
  ])
}

function hashes(policy: (typeof POLICIES)[number]): boolean {
  return policy === 'RING_HASH' || policy === 'MAGLEV'
}

function l4Asks(): readonly Ask[] {
  return POLICIES.flatMap((policy, index) => {
    const address = addressOf(index)
    // one source, one server; which one is a matter of the hash
    const servers = hashes(policy) ? [] : SERVERS
    return [
      ask({ address, port: 80, answers: servers.map((server) => `200 ${server}`) }),
      ask({ address, port: 53, protocol: 'udp', answers: hashes(policy) ? [] : servers, ...(hashes(policy) && { times: 1 }) }),
    ]
  })
}

function httpAsks(): readonly Ask[] {
  const shop = (given: Omit<Partial<Ask>, 'answers'>, answers: readonly string[]): Ask => ask({ ...SHOP, ...given, answers })
  const [v1 = [], v2 = []] = [SHOP_SERVERS.slice(0, 2), SHOP_SERVERS.slice(2)]
  const ok = (servers: readonly string[]): readonly string[] => servers.map((server) => `200 ${server}`)
  const got = (servers: readonly string[], bytes: number): readonly string[] => ok(servers).map((answer) => `${answer} got ${bytes}`)
  const sent = (servers: readonly string[], bytes: number): readonly string[] => ok(servers).map((answer) => `${answer} sent ${bytes}`)
  return [
    shop({ keep: true }, ok([...v1, ...v2])),
    shop({ keep: true, headers: { 'end-user': 'tester' } }, ok(v2)),
    shop({ keep: true, path: '/api/v1/items' }, ok(v1)),
    shop({ keep: true, path: '/labelled' }, ok(v1)),
    shop({ keep: true, path: '/old' }, ['302 ']),
    shop({ keep: true, path: '/teapot' }, ['418 short and stout']),
    shop({ keep: true, path: '/admin' }, ['403 RBAC: access denied']),
    shop({ times: 5, path: '/api/v1/' }, ok(v1)),
    shop({ keep: true, clients: 8, times: 10, path: '/api/v1/items' }, ok(v1)),
    shop({ keep: true, body: 10, path: '/api/v1/items' }, got(v1, 10)),
    shop({ keep: true, body: 40_000, times: 6, path: '/api/v1/items' }, got(v1, 40_000)),
    shop({ keep: true, body: LARGE, times: 4, path: '/api/v1/items' }, got(v1, LARGE)),
    shop({ keep: true, times: 6, path: '/api/v1/size/5000' }, sent(v1, 5000)),
    shop({ keep: true, times: 4, clients: 2, path: `/api/v1/size/${LARGE}` }, sent(v1, LARGE)),
  ]
}
