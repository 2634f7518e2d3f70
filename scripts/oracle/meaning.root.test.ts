/**
 * A real Envoy against the meaning of listeners and filter chains, over random ones: whose listener an original destination is, which filter chain
 * it meets, what Envoy refuses to load. Redirected connections are played with the PROXY protocol: its listener filter restores a destination as
 * SO_ORIGINAL_DST does. About half a minute; needs an Envoy ($ENVOY or scripts/setup), loopback and the ports 22000 to 22399. No root.
 */
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { xxHash64Text } from '../../compiler/balance/hash.ts'
import { evalBalance } from '../../compiler/balance/table.ts'
import { analyse } from '../../compiler/compile.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { decide } from '../../compiler/ir/eval.ts'
import type { Program } from '../../compiler/ir/program.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { startEndpoints } from './endpoints.ts'
import { type Json, type JsonObject, type RunningEnvoy, startEnvoy } from './envoy.ts'

const ADMIN = 22000
const CATCH_ALL = 22001
const PLACES = Array.from({ length: 6 }, (_, index) => ({ address: '127.0.0.1', port: 22101 + index }))
const TYPE = 'type.googleapis.com/envoy'
const EXTENSIONS = `${TYPE}.extensions.filters`

/** Deterministic numbers: mulberry32. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

type Pick = <T>(list: readonly T[]) => T

interface World {
  readonly listeners: readonly JsonObject[]
  readonly clusters: readonly JsonObject[]
  readonly assignments?: readonly JsonObject[]
}

const place = (address: string, port: number, more: JsonObject = {}): JsonObject => ({
  socket_address: { address, port_value: port, ...more },
})
const tcpProxy = (cluster: string): JsonObject => ({
  filters: [{ name: 'tcp', typed_config: { '@type': `${EXTENSIONS}.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 't', cluster } }],
})

const CLUSTERS: readonly JsonObject[] = [
  ...PLACES.map(({ address, port }, index) => ({
    name: `c${index}`,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: `c${index}`, endpoints: [{ lb_endpoints: [{ endpoint: { address: place(address, port) } }] }] },
  })),
  { name: 'nobody', type: 'STATIC', connect_timeout: '1s' },
]
const NAMES = [...CLUSTERS.map(({ name }) => String(name)), 'missing']
const PORTS = [80, 81, 443]
const ADDRESSES = ['10.1.0.1', '10.1.0.2', '10.2.0.1', 'fd00::1', 'fd00::1:1']
const RANGES: readonly (readonly [string, number])[] = [
  ['10.1.0.0', 16],
  ['10.0.0.0', 8],
  ['10.1.0.1', 32],
  ['0.0.0.0', 0],
  ['fd00::', 16],
  ['::', 0],
  ['fd00::1:0', 112],
  ['::ffff:10.1.0.0', 112],
  ['10.1.0.9', 30],
]

function match(pick: Pick): JsonObject {
  const maybe = <T extends Json>(field: string, value: () => T, odds: number): JsonObject =>
    pick(Array.from({ length: odds }, (_, i) => i)) === 0 ? { [field]: value() } : {}
  const range = (): JsonObject => {
    const [address_prefix, prefix_len] = pick(RANGES)
    return { address_prefix, prefix_len }
  }
  return {
    ...maybe('destination_port', () => pick(PORTS), 2),
    ...maybe('prefix_ranges', () => pick([[range()], [range()], [range(), range()]]), 2),
    ...maybe('transport_protocol', () => pick(['raw_buffer', 'tls']), 4),
    ...maybe('server_names', () => pick([['a.example'], ['*.example', 'b.example']]), 6),
    ...maybe('application_protocols', () => ['h2'], 6),
  }
}

/** Mostly without chains of equal match; Envoy refuses those. */
function distinct(chains: readonly JsonObject[], next: (below: number) => number): readonly JsonObject[] {
  const seen = new Set<string>()
  return chains.filter(({ filter_chain_match: one = {} }) => {
    const text = JSON.stringify(one)
    const known = seen.has(text)
    seen.add(text)
    return !known || next(10) === 0
  })
}

function world(seed: number): World {
  const next = random(seed)
  const pick: Pick = (list) => list[next(list.length)] as (typeof list)[number]
  const chains = (): JsonObject => ({
    filter_chains: distinct(
      Array.from({ length: 1 + next(3) }, (_, index) => ({
        ...(index === 0 && next(2) === 0 ? {} : { filter_chain_match: match(pick) }),
        ...tcpProxy(pick(NAMES)),
      })),
      next,
    ),
    ...(next(2) === 0 ? { default_filter_chain: tcpProxy(pick(NAMES)) } : {}),
  })
  const taken = new Set<string>()
  const anywhere = (): JsonObject => {
    const address = next(2) === 0 ? pick(['0.0.0.0', '::']) : pick(ADDRESSES)
    const port = pick(PORTS)
    // now and then two listeners have one address
    if (taken.has(`${address} ${port}`) && next(20) > 0) return anywhere()
    taken.add(`${address} ${port}`)
    return place(address, port, address === '::' && next(2) === 0 ? { ipv4_compat: true } : {})
  }
  const listeners = Array.from({ length: 1 + next(6) }, (_, index) => ({
    name: `l${index}`,
    address: anywhere(),
    bind_to_port: false,
    traffic_direction: 'OUTBOUND',
    ...(next(4) === 0 ? { additional_addresses: [{ address: anywhere() }] } : {}),
    ...chains(),
  }))
  return {
    listeners: [
      {
        name: 'all',
        address: next(3) === 0 ? place('0.0.0.0', CATCH_ALL) : place('::', CATCH_ALL, { ipv4_compat: true }),
        use_original_dst: true,
        ...chains(),
      },
      ...listeners,
    ],
    clusters: CLUSTERS,
  }
}

interface Meaning {
  readonly program: Program
  readonly failed: boolean
}

function meaningOf({ listeners, clusters, assignments = [] }: World): Meaning {
  const diag = createDiagnostics()
  const typed = [
    ...listeners.map((one) => ({ '@type': `${TYPE}.config.listener.v3.Listener`, ...one })),
    ...clusters.map((one) => ({ '@type': `${TYPE}.config.cluster.v3.Cluster`, ...one })),
    ...assignments.map((one) => ({ '@type': `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`, ...one })),
  ]
  const { program } = analyse(
    [{ name: 'world.json', bytes: Buffer.from(JSON.stringify(typed)) }],
    { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false },
    diag,
    () => undefined,
  )
  return { program, failed: diag.failed }
}

/** "127.0.0.1:port" that is met, "closed", or undefined where the interpreter says that it does not know */
function expected(program: Program, address: string, port: number): string | undefined {
  const decision = decide(
    program,
    { protocol: 'tcp', address: parseIp(address) as Uint8Array, port },
    { shares: evalBalance, hash: xxHash64Text },
  )
  if (decision.outcome === 'balanced') return [...decision.shares.keys()].join(' ')
  return decision.outcome === 'refused' && decision.reason !== 'diverted' ? 'closed' : undefined
}

/** `redirected`: to the catch-all, with the destination in a PROXY header */
function dial(address: string, port: number, way: 'redirected' | 'direct' = 'redirected'): Promise<string> {
  return new Promise((resolve, reject) => {
    const v6 = address.includes(':')
    const header = `PROXY TCP${v6 ? 6 : 4} ${v6 ? 'fd00::9' : '10.9.9.9'} ${address} 9 ${port}\r\n`
    const socket = way === 'direct' ? connect(port, address) : connect(CATCH_ALL, '127.0.0.1', () => socket.write(header))
    let text = ''
    socket.setTimeout(5000, () => socket.destroy(new Error('timeout')))
    socket.on('data', (data) => {
      text += data.toString()
    })
    socket.on('error', (error) => ('code' in error && error.code === 'ECONNRESET' ? resolve('closed') : reject(error)))
    socket.on('close', () => resolve(text === '' ? 'closed' : text))
  })
}

async function withEnvoy({ listeners, clusters }: World, work: (envoy: RunningEnvoy) => Promise<void>): Promise<void> {
  const header = [{ name: 'proxy', typed_config: { '@type': `${EXTENSIONS}.listener.proxy_protocol.v3.ProxyProtocol` } }]
  const played = listeners.map((listener) => (listener.name === 'all' ? { ...listener, listener_filters: header } : listener))
  const envoy = await startEnvoy({ listeners: played, clusters, adminPort: ADMIN })
  try {
    await work(envoy)
  } finally {
    await envoy.stop()
  }
}

const DIALS = [...ADDRESSES, '10.1.0.10', '10.200.0.1', '11.0.0.1', 'fd00::2', 'fe00::1'].flatMap((address) =>
  [...PORTS, 8080].map((port) => ({ address, port })),
)

test('original destinations and filter chains, as in a real Envoy', async () => {
  const backends = await startEndpoints(PLACES)
  const tally = { worlds: 0, refused: 0, dials: 0, unknown: 0 }
  try {
    for (let seed = 1; seed <= 40; seed++) {
      const made = world(seed)
      const { program, failed } = meaningOf(made)
      tally.worlds++
      await withEnvoy(made, async (envoy) => {
        assert.is(failed, envoy.refused.length > 0, `seed ${seed}: Envoy says ${JSON.stringify(envoy.refused)}`)
        if (failed) {
          tally.refused++
          return
        }
        for (const { address, port } of DIALS) {
          // IPv6 is not redirected to a listener on 0.0.0.0, although the header can pretend it: the interpreter says passed
          const want = expected(program, address, port)
          if (want === undefined) tally.unknown++
          else {
            tally.dials++
            assert.is(
              await dial(address, port),
              want,
              `seed ${seed}: ${address} port ${port}\n${JSON.stringify(made.listeners, undefined, 1)}`,
            )
          }
        }
      })
    }
  } finally {
    await backends.stop()
  }
  assert.ok(tally.refused > 0 && tally.refused < tally.worlds / 2 && tally.dials > 800, JSON.stringify(tally))
})

type Endpoint = readonly [index: number, more?: JsonObject]

const endpoints = (...list: readonly Endpoint[]): JsonObject => ({
  lb_endpoints: list.map(([index, more = {}]) => ({ endpoint: { address: place('127.0.0.1', 22101 + index) }, ...more })),
})
const fixed = (localities: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  type: 'STATIC',
  load_assignment: { cluster_name: 'x', endpoints: localities },
  ...more,
})
const breakers = (...thresholds: readonly JsonObject[]): JsonObject => fixed([endpoints([0])], { circuit_breakers: { thresholds } })
const statuses = (...list: readonly string[]): JsonObject =>
  endpoints(...list.map((health_status, index): Endpoint => [index, { health_status }]))

const EDS: JsonObject = { type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } }

/** Clusters that say something about who is met; `eds` is what comes over EDS. */
const QUESTIONS: Readonly<Record<string, { readonly cluster: JsonObject; readonly eds?: JsonObject }>> = {
  'without endpoints': { cluster: { type: 'STATIC' } },
  'equal addresses': { cluster: fixed([endpoints([0], [1], [0])]) },
  'EDS, equal addresses': { cluster: EDS, eds: { endpoints: [endpoints([0], [0]), { priority: 1, ...endpoints([1]) }] } },
  'EDS, nothing': { cluster: EDS },
  'EDS, drop_overloads': {
    cluster: EDS,
    eds: { endpoints: [endpoints([0])], policy: { drop_overloads: [{ category: 'c', drop_percentage: { numerator: 100 } }] } },
  },
  'a gap between priorities': { cluster: EDS, eds: { endpoints: [{ priority: 3, ...endpoints([0]) }] } },
  'every health status': {
    cluster: fixed([statuses('UNHEALTHY', 'DRAINING', 'TIMEOUT', 'UNKNOWN')], {
      common_lb_config: { healthy_panic_threshold: { value: 10 } },
    }),
  },
  'nobody healthy, panic': { cluster: fixed([statuses('UNHEALTHY', 'DRAINING', 'TIMEOUT')]) },
  'nobody healthy, no panic': {
    cluster: fixed([statuses('UNHEALTHY', 'DRAINING', 'TIMEOUT')], { common_lb_config: { healthy_panic_threshold: {} } }),
  },
  'STRICT_DNS by address': { cluster: fixed([endpoints([0], [1], [0])], { type: 'STRICT_DNS' }) },
  'LOGICAL_DNS by address': { cluster: fixed([endpoints([0])], { type: 'LOGICAL_DNS' }) },
  'DNS extension by address': {
    cluster: {
      cluster_type: { name: 'envoy.cluster.dns', typed_config: { '@type': `${TYPE}.extensions.clusters.dns.v3.DnsCluster` } },
      load_assignment: { cluster_name: 'x', endpoints: [endpoints([0])] },
    },
  },
  'built-in type by name': {
    cluster: { cluster_type: { name: 'envoy.cluster.static' }, load_assignment: { cluster_name: 'x', endpoints: [endpoints([0])] } },
  },
  'original destination that is not known': { cluster: { type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' } },
  'no connections': { cluster: breakers({ max_connections: 0 }) },
  'no pending connections': { cluster: breakers({ max_pending_requests: 0 }) },
  'no requests, no retries, no pools': { cluster: breakers({ max_requests: 0, max_retries: 0, max_connection_pools: 0 }) },
  'no connections of high priority': { cluster: breakers({ priority: 'HIGH', max_connections: 0 }) },
  'the first of two thresholds': { cluster: breakers({ max_connections: 0 }, { max_connections: 5 }) },
  'the second of two thresholds': { cluster: breakers({ max_connections: 5 }, { max_connections: 0 }) },
  'subsets without selectors': { cluster: fixed([endpoints([0])], { lb_subset_config: { fallback_policy: 'NO_FALLBACK' } }) },
}

test('clusters, as in a real Envoy', async () => {
  const names = Object.keys(QUESTIONS)
  const clusters = names.map((name) => ({ name, connect_timeout: '1s', ...QUESTIONS[name]?.cluster }))
  const assignments = names.flatMap((name) => (QUESTIONS[name]?.eds === undefined ? [] : [{ cluster_name: name, ...QUESTIONS[name]?.eds }]))
  const listeners = names.map((name, index) => ({ name, address: place('127.0.0.1', 22200 + index), filter_chains: [tcpProxy(name)] }))
  const { program } = meaningOf({ listeners, clusters, assignments })
  const backends = await startEndpoints(PLACES)
  const envoy = await startEnvoy({ listeners, clusters, assignments, adminPort: ADMIN })
  try {
    assert.equal(envoy.refused, [])
    for (const [index, name] of names.entries()) {
      const met = new Set<string>()
      for (let i = 0; i < 24; i++) met.add(await dial('127.0.0.1', 22200 + index, 'direct'))
      assert.equal(
        [...met].sort().join(' '),
        expected(program, '127.0.0.1', 22200 + index)
          ?.split(' ')
          .sort()
          .join(' '),
        name,
      )
    }
  } finally {
    await envoy.stop()
    await backends.stop()
  }
})

test.run()
