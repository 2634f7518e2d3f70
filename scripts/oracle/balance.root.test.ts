/**
 * A real Envoy against the meaning of Balances: exact for hashes, within chance for shares, in both forms of the API. About a minute; needs an
 * Envoy ($ENVOY or scripts/setup), loopback and the ports 23000 to 23399. Nothing of it needs root.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { xxHash64Text } from '../../compiler/balance/hash.ts'
import { evalBalance } from '../../compiler/balance/table.ts'
import { toAnswers } from './answers.ts'
import { type BalanceCase, HASH_CASES, SHARE_CASES } from './balance-cases.ts'
import { compareHashed, compareShares } from './compare.ts'
import { dialTally } from './dial.ts'
import { placeText, startEndpoints } from './endpoints.ts'
import { type EnvoyConfig, type JsonObject, type RunningEnvoy, startEnvoy } from './envoy.ts'
import { assignmentOf, clusterOf, listenerOf, placeOf, udpListenerOf } from './from-balance.ts'
import { hold, until } from './hold.ts'
import { judgeBalances, nameOf, SOURCES } from './judge-balance.ts'

const BASE = 23000
const SOURCE_IP = { kind: 'source_ip' } as const
const NO_HASH = { kind: 'none' } as const

async function agree(cases: readonly BalanceCase[], form: 'legacy' | 'typed', dials: number, sources: number): Promise<void> {
  const { hashed, shares } = toAnswers('', cases, await judgeBalances(cases, { form, dials, sources, base: BASE }))
  const wrong = cases.flatMap((one) => {
    const answer = shares[one.name]
    return answer === undefined ? compareHashed(one, hashed[one.name] as string) : compareShares(one, answer)
  })
  assert.equal(wrong, [])
}

test('lb_policy: every hash, and shares', () => agree([...HASH_CASES, ...SHARE_CASES], 'legacy', 1000, SOURCES.length))
// fail_traffic_on_panic has no place in the typed configuration of RING_HASH and MAGLEV
test('load_balancing_policy: every hash, and shares', () =>
  agree([...HASH_CASES.filter(({ balance }) => !balance.failTrafficOnPanic), ...SHARE_CASES], 'typed', 400, 200))

const POLICY = 'type.googleapis.com/envoy.extensions.load_balancing_policies'
const entry = (folder: string, message: string, config: JsonObject = {}): JsonObject => ({
  typed_extension_config: { name: 'x', typed_config: { '@type': `${POLICY}.${folder}.v3.${message}`, ...config } },
})
const LOAD_REPORTS = entry('client_side_weighted_round_robin', 'ClientSideWeightedRoundRobin')

async function withEnvoy(config: Omit<EnvoyConfig, 'adminPort'>, work: (envoy: RunningEnvoy) => Promise<void>): Promise<void> {
  const envoy = await startEnvoy({ ...config, adminPort: BASE })
  try {
    await work(envoy)
  } finally {
    await envoy.stop()
  }
}

const caseOf = (name: string): BalanceCase => {
  const found = [...HASH_CASES, ...SHARE_CASES].find((one) => one.name === name)
  if (found === undefined) throw new Error(`no case ${name}`)
  return found
}
const endpointsOf = ({ balance }: BalanceCase) =>
  balance.priorities.flatMap(({ localities }) => localities.flatMap(({ endpoints }) => endpoints))
const LISTENER = { address: '127.0.0.1', port: BASE + 100 }

test('round robin of one worker is even to one, weights exact in every cycle', async () => {
  for (const [name, dials] of [
    ['ROUND_ROBIN equal', 402],
    ['ROUND_ROBIN weights', 400],
  ] as const) {
    const { balance } = caseOf(name)
    const servers = await startEndpoints(endpointsOf(caseOf(name)).map(placeOf))
    try {
      await withEnvoy(
        {
          listeners: [listenerOf('l', LISTENER, 'c', NO_HASH)],
          clusters: [clusterOf('c', balance, 'legacy')],
          assignments: [assignmentOf('c', balance)],
        },
        async () => {
          const { reached } = await dialTally(LISTENER, { count: dials })
          const { shares, even } = evalBalance(balance)
          assert.ok(even)
          for (const [endpoint, share] of shares)
            assert.ok(Math.abs((reached[nameOf(endpoint)] ?? 0) - share * dials) <= 1, JSON.stringify(reached))
        },
      )
    } finally {
      await servers.stop()
    }
  }
})

test('udp_proxy hashes the source address, or a key', async () => {
  const one = caseOf('maglev weights')
  const servers = await startEndpoints(endpointsOf(one).map(placeOf), { protocol: 'udp' })
  const keyed = { address: '127.0.0.1', port: BASE + 101 }
  try {
    const listeners = [
      udpListenerOf('source', LISTENER, 'c', SOURCE_IP),
      udpListenerOf('key', keyed, 'c', { kind: 'key', key: 'a key of some length, more than 32 bytes' }),
    ]
    await withEnvoy(
      { listeners, clusters: [clusterOf('c', one.balance, 'legacy')], assignments: [assignmentOf('c', one.balance)] },
      async (envoy) => {
        assert.equal(envoy.refused, [])
        const expected = (hash: bigint): readonly string[] => [...evalBalance(one.balance, hash).shares.keys()].map(nameOf)
        const sources = SOURCES.slice(0, 200)
        const { outcomes } = await dialTally(LISTENER, { protocol: 'udp', count: sources.length, sources, concurrency: 4 })
        for (const [index, source] of sources.entries())
          assert.equal(outcomes[index], { kind: 'reached', endpoint: expected(xxHash64Text(source))[0] }, source)
        const { reached } = await dialTally(keyed, { protocol: 'udp', count: 20, sources })
        assert.equal(Object.keys(reached), expected(xxHash64Text('a key of some length, more than 32 bytes')))
      },
    )
  } finally {
    await servers.stop()
  }
})

test('use_hostname_for_hashing hashes the host name', async () => {
  const one = caseOf('maglev hash_key')
  const servers = await startEndpoints(endpointsOf(one).map(placeOf))
  const lb_endpoints = endpointsOf(one).map((endpoint) => {
    const { address, port } = placeOf(endpoint)
    return { endpoint: { hostname: endpoint.hashKey, address: { socket_address: { address, port_value: port } } } }
  })
  const policy = entry('maglev', 'Maglev', { consistent_hashing_lb_config: { use_hostname_for_hashing: true } })
  const cluster = { name: 'c', type: 'EDS', load_balancing_policy: { policies: [policy] } }
  try {
    await withEnvoy(
      {
        listeners: [listenerOf('l', LISTENER, 'c', SOURCE_IP)],
        clusters: [cluster],
        assignments: [{ cluster_name: 'c', endpoints: [{ lb_endpoints }] }],
      },
      async () => {
        const tally = await dialTally(LISTENER, { count: 200, sources: SOURCES })
        assert.equal(compareHashed(one, toAnswers('', [one], [tally]).hashed[one.name] as string), [])
      },
    )
  } finally {
    await servers.stop()
  }
})

test('the source of an IPv6 and of an IPv4-mapped connection', async () => {
  const one = caseOf('maglev 997 many')
  const servers = await startEndpoints(endpointsOf(one).map(placeOf))
  const six = { address: '::1', port: BASE + 100 }
  const mapped = { address: '127.0.0.1', port: BASE + 101 }
  const dual = listenerOf('dual', { address: '::', port: mapped.port }, 'c', SOURCE_IP)
  const address = { socket_address: { address: '::', port_value: mapped.port, ipv4_compat: true } }
  try {
    await withEnvoy(
      {
        listeners: [listenerOf('six', six, 'c', SOURCE_IP), { ...dual, address }],
        clusters: [clusterOf('c', one.balance, 'legacy')],
        assignments: [assignmentOf('c', one.balance)],
      },
      async () => {
        const expected = (text: string): readonly string[] => [...evalBalance(one.balance, xxHash64Text(text)).shares.keys()].map(nameOf)
        assert.equal(Object.keys((await dialTally(six, { count: 2 })).reached), expected('::1'))
        for (const source of ['127.0.0.1', '127.96.0.1', '127.5.6.7']) {
          assert.equal(Object.keys((await dialTally(mapped, { count: 2, sources: [source] })).reached), expected(source))
        }
      },
    )
  } finally {
    await servers.stop()
  }
})

test('max_connections: the connection over the limit is accepted and closed at once', async () => {
  const one = caseOf('ROUND_ROBIN equal')
  const servers = await startEndpoints(endpointsOf(one).map(placeOf), { after: 'hold' })
  try {
    const cluster = { ...clusterOf('c', one.balance, 'legacy'), circuit_breakers: { thresholds: [{ max_connections: 3 }] } }
    await withEnvoy(
      { listeners: [listenerOf('l', LISTENER, 'c', NO_HASH)], clusters: [cluster], assignments: [assignmentOf('c', one.balance)] },
      async (envoy) => {
        const held = await Promise.all(Array.from({ length: 3 }, () => hold(LISTENER)))
        assert.is(await envoy.stat('cluster.c.upstream_cx_active'), 3)
        const { reached, closed, failed } = await dialTally(LISTENER, { count: 5 })
        assert.equal({ reached, closed, failed }, { reached: {}, closed: 5, failed: {} })
        assert.is(await envoy.stat('cluster.c.upstream_cx_overflow'), 5)
        for (const socket of held) socket.destroy()
        await until(async () => (await envoy.stat('cluster.c.upstream_cx_active')) === 0)
        assert.is((await dialTally(LISTENER, { count: 1 })).closed, 0)
      },
    )
  } finally {
    await servers.stop()
  }
})

test('policies that read as others, and those that Envoy refuses', async () => {
  const zones = caseOf('ROUND_ROBIN weighted localities')
  const servers = await startEndpoints(endpointsOf(zones).map(placeOf))
  const bare = { name: 'c', type: 'EDS', connect_timeout: '1s' }
  const wrr = (inner: JsonObject): JsonObject => entry('wrr_locality', 'WrrLocality', { endpoint_picking_policy: { policies: [inner] } })
  const unknown = {
    typed_extension_config: {
      name: 'envoy.load_balancing_policies.maglev',
      typed_config: { '@type': 'type.googleapis.com/xds.type.v3.TypedStruct', type_url: 'type.googleapis.com/not.known.Here', value: {} },
    },
  }
  const start = (cluster: JsonObject, work: (envoy: RunningEnvoy) => Promise<void>) =>
    withEnvoy(
      { listeners: [listenerOf('l', LISTENER, 'c', NO_HASH)], clusters: [cluster], assignments: [assignmentOf('c', zones.balance)] },
      work,
    )
  try {
    const unweighted = { ...zones.balance, localityWeighted: false }
    const equalWeights = { name: 'ROUND_ROBIN', equalWeights: true } as const
    for (const [policies, balance] of [
      [[wrr(LOAD_REPORTS)], { ...zones.balance, policy: equalWeights }],
      [[LOAD_REPORTS], { ...unweighted, policy: equalWeights }],
      [[unknown, entry('round_robin', 'RoundRobin')], unweighted],
    ] as const) {
      await start({ ...bare, load_balancing_policy: { policies } }, async () => {
        // the first update of weights from load reports comes after a second
        if (balance.policy.name === 'ROUND_ROBIN' && balance.policy.equalWeights) await new Promise((resolve) => setTimeout(resolve, 2500))
        const { reached, closed } = await dialTally(LISTENER, { count: 740 })
        for (const [endpoint, share] of evalBalance(balance).shares) {
          const met = reached[nameOf(endpoint)] ?? 0
          assert.ok(Math.abs(met - share * 740) <= 15, `${JSON.stringify(policies)}: ${nameOf(endpoint)} ${met} of ${share * 740}`)
        }
        assert.is(closed, 0)
      })
    }
    for (const refused of [
      { load_balancing_policy: { policies: [wrr(entry('round_robin', 'RoundRobin'))] } },
      { load_balancing_policy: { policies: [unknown] } },
      { load_balancing_policy: { policies: [entry('random', 'Random')] }, common_lb_config: { locality_weighted_lb_config: {} } },
      { load_balancing_policy: { policies: [entry('random', 'Random')] }, lb_subset_config: {} },
      { lb_policy: 'LOAD_BALANCING_POLICY_CONFIG' },
      { lb_policy: 'CLUSTER_PROVIDED' },
      { common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } } },
      { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 10 } },
      { lb_policy: 'RING_HASH', ring_hash_lb_config: { maximum_ring_size: 5 } },
    ]) {
      await start({ ...bare, ...refused }, async (envoy) => assert.ok(envoy.refused.length > 0, JSON.stringify(refused)))
    }
  } finally {
    await servers.stop()
  }
})

test('assignments: an unnamed locality has no weight, a repeated one counts once, a repeated host once', async () => {
  const lb = (last: number): JsonObject => ({
    endpoint: { address: { socket_address: { address: `127.23.1.${last}`, port_value: 23900 } } },
  })
  const servers = await startEndpoints([1, 2, 3, 4].map((last) => ({ address: `127.23.1.${last}`, port: 23900 })))
  const weighted = { name: 'c', type: 'EDS', common_lb_config: { locality_weighted_lb_config: {} } }
  const plain = { name: 'c', type: 'EDS' }
  const cases: readonly (readonly [JsonObject, readonly JsonObject[], Readonly<Record<string, number>>])[] = [
    [
      weighted,
      [
        { load_balancing_weight: 9, lb_endpoints: [lb(1)] },
        { locality: { zone: 'b' }, load_balancing_weight: 1, lb_endpoints: [lb(2), lb(3)] },
      ],
      { 2: 60, 3: 60 },
    ],
    [
      weighted,
      [
        { locality: { zone: 'a' }, load_balancing_weight: 9, lb_endpoints: [lb(1)] },
        { locality: { zone: 'b' }, load_balancing_weight: 2, lb_endpoints: [lb(2), lb(3)] },
        { locality: { zone: 'a' }, load_balancing_weight: 2, lb_endpoints: [lb(4)] },
      ],
      { 1: 30, 2: 30, 3: 30, 4: 30 },
    ],
    [plain, [{ lb_endpoints: [lb(1), lb(2), lb(1)] }], { 1: 60, 2: 60 }],
    [
      plain,
      [
        { priority: 1, lb_endpoints: [lb(1), lb(2)] },
        { priority: 0, lb_endpoints: [lb(1), lb(3)] },
      ],
      { 3: 120 },
    ],
  ]
  try {
    for (const [cluster, endpoints, expected] of cases) {
      await withEnvoy(
        { listeners: [listenerOf('l', LISTENER, 'c', NO_HASH)], clusters: [cluster], assignments: [{ cluster_name: 'c', endpoints }] },
        async () => {
          const { reached } = await dialTally(LISTENER, { count: 120 })
          const named = Object.fromEntries(
            Object.entries(expected).map(([last, count]) => [placeText({ address: `127.23.1.${last}`, port: 23900 }), count]),
          )
          for (const name of new Set([...Object.keys(named), ...Object.keys(reached)]))
            assert.ok(Math.abs((reached[name] ?? 0) - (named[name] ?? 0)) <= 1, JSON.stringify(reached))
        },
      )
    }
  } finally {
    await servers.stop()
  }
})

test.run()
