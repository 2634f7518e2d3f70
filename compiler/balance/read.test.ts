import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Diagnostic } from '../diag/diagnostic.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { measureCoverage } from '../input/coverage.ts'
import { readInput } from '../input/read.ts'
import { fates } from '../parse/fates.ts'
import type { PolicyReading } from './policy.ts'
import { readBalancePolicy } from './read.ts'

type Fields = Readonly<Record<string, unknown>>

const EXTENSIONS = 'type.googleapis.com/envoy.extensions.load_balancing_policies'

/** Fields that the reader of clusters reads. */
const OWN = new Set(['cds[].name', 'cds[].type'])

/** What a cluster with these fields reads as, and what was reported of it. */
function read(fields: Fields): {
  readonly reading: PolicyReading
  readonly found: readonly Diagnostic[]
  readonly unaccounted: readonly string[]
} {
  const diag = createDiagnostics()
  const text = JSON.stringify({ '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'a', type: 'EDS', ...fields })
  const { resources } = readInput([{ name: 'test.json', bytes: new TextEncoder().encode(text) }], diag)
  const cursor = resources[0]?.cursor
  if (cursor === undefined) throw new Error('no cluster')
  assert.equal(diag.list, [], 'the cluster decodes')
  const reading = readBalancePolicy(cursor, diag)
  const unaccounted = measureCoverage(resources, fates)
    .fields.filter((field) => field.class === 'unclassified' && !OWN.has(field.path))
    .map((field) => field.path)
  return { reading, found: diag.list, unaccounted }
}

const codes = (found: readonly Diagnostic[]): readonly string[] => found.map(({ code, severity, path }) => `${code} ${severity} ${path}`)
const entry = (folder: string, message: string, config: Fields = {}): Fields => ({
  typed_extension_config: { name: 'any name', typed_config: { '@type': `${EXTENSIONS}.${folder}.v3.${message}`, ...config } },
})
const unknown: Fields = {
  typed_extension_config: {
    name: 'envoy.load_balancing_policies.maglev',
    typed_config: { '@type': 'type.googleapis.com/xds.type.v3.TypedStruct', type_url: 'type.googleapis.com/not.known.Here', value: {} },
  },
}
const typed = (...policies: readonly Fields[]): Fields => ({ load_balancing_policy: { policies } })
const plain = { localityWeighted: false, failTrafficOnPanic: false, useHostnameForHashing: false }
const ROUND_ROBIN = { name: 'ROUND_ROBIN' } as const
const EQUAL = { name: 'ROUND_ROBIN', equalWeights: true } as const

const CASES: readonly (readonly [what: string, fields: Fields, reading: PolicyReading])[] = [
  ['nothing', {}, { policy: ROUND_ROBIN, ...plain }],
  ['RANDOM', { lb_policy: 'RANDOM' }, { policy: { name: 'RANDOM' }, ...plain }],
  [
    'LEAST_REQUEST',
    { lb_policy: 'LEAST_REQUEST' },
    { policy: { name: 'LEAST_REQUEST', choiceCount: 2, activeRequestBias: 1, fullScan: false }, ...plain },
  ],
  [
    'LEAST_REQUEST with config',
    {
      lb_policy: 'LEAST_REQUEST',
      least_request_lb_config: { choice_count: 5, active_request_bias: { default_value: 0.5, runtime_key: 'k' } },
    },
    { policy: { name: 'LEAST_REQUEST', choiceCount: 5, activeRequestBias: 0.5, fullScan: false }, ...plain },
  ],
  [
    'LEAST_REQUEST with a negative bias',
    { lb_policy: 'LEAST_REQUEST', least_request_lb_config: { active_request_bias: { default_value: -1, runtime_key: 'k' } } },
    { policy: { name: 'LEAST_REQUEST', choiceCount: 2, activeRequestBias: 1, fullScan: false }, ...plain },
  ],
  [
    'RING_HASH',
    { lb_policy: 'RING_HASH' },
    { policy: { name: 'RING_HASH', minimumRingSize: 1024, maximumRingSize: 8388608, hashFunction: 'XX_HASH' }, ...plain },
  ],
  [
    'RING_HASH with config',
    {
      type: 'STRICT_DNS',
      lb_policy: 'RING_HASH',
      ring_hash_lb_config: { minimum_ring_size: 7, maximum_ring_size: 9, hash_function: 'MURMUR_HASH_2' },
      common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
    },
    {
      policy: { name: 'RING_HASH', minimumRingSize: 7, maximumRingSize: 9, hashFunction: 'MURMUR_HASH_2' },
      ...plain,
      useHostnameForHashing: true,
    },
  ],
  [
    'MAGLEV',
    { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 13 }, common_lb_config: { locality_weighted_lb_config: {} } },
    { policy: { name: 'MAGLEV', tableSize: 13 }, ...plain, localityWeighted: true },
  ],
  ['localities', { common_lb_config: { locality_weighted_lb_config: {} } }, { policy: ROUND_ROBIN, ...plain, localityWeighted: true }],
  [
    'zone aware',
    { common_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true, min_cluster_size: 3 } } },
    { policy: ROUND_ROBIN, ...plain, failTrafficOnPanic: true },
  ],
  [
    'a config of another policy',
    { ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 1 } },
    { policy: ROUND_ROBIN, ...plain },
  ],
  ['subsets without selectors', { lb_subset_config: { fallback_policy: 'NO_FALLBACK' } }, { policy: ROUND_ROBIN, ...plain }],
  ['typed wins', { lb_policy: 'MAGLEV', ...typed(entry('random', 'Random')) }, { policy: { name: 'RANDOM' }, ...plain }],
  [
    'the first that Envoy knows',
    typed(unknown, entry('pick_first', 'PickFirst'), entry('round_robin', 'RoundRobin'), entry('random', 'Random')),
    { policy: ROUND_ROBIN, ...plain },
  ],
  [
    'typed localities',
    typed(entry('round_robin', 'RoundRobin', { locality_lb_config: { locality_weighted_lb_config: {} } })),
    { policy: ROUND_ROBIN, ...plain, localityWeighted: true },
  ],
  [
    'typed panic',
    typed(entry('random', 'Random', { locality_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true } } })),
    { policy: { name: 'RANDOM' }, ...plain, failTrafficOnPanic: true },
  ],
  [
    'full scan',
    typed(entry('least_request', 'LeastRequest', { selection_method: 'FULL_SCAN' })),
    { policy: { name: 'LEAST_REQUEST', choiceCount: 2, activeRequestBias: 1, fullScan: true }, ...plain },
  ],
  [
    'typed ring',
    typed(
      entry('ring_hash', 'RingHash', {
        hash_function: 'MURMUR_HASH_2',
        minimum_ring_size: 3,
        locality_weighted_lb_config: {},
        use_hostname_for_hashing: true,
      }),
    ),
    {
      policy: { name: 'RING_HASH', minimumRingSize: 3, maximumRingSize: 8388608, hashFunction: 'MURMUR_HASH_2' },
      ...plain,
      localityWeighted: true,
      useHostnameForHashing: true,
    },
  ],
  [
    'typed ring, the newer message wins',
    typed(entry('ring_hash', 'RingHash', { use_hostname_for_hashing: true, hash_balance_factor: 150, consistent_hashing_lb_config: {} })),
    { policy: { name: 'RING_HASH', minimumRingSize: 1024, maximumRingSize: 8388608, hashFunction: 'XX_HASH' }, ...plain },
  ],
  [
    'typed Maglev',
    typed(entry('maglev', 'Maglev', { table_size: 101, consistent_hashing_lb_config: { use_hostname_for_hashing: true } })),
    { policy: { name: 'MAGLEV', tableSize: 101 }, ...plain, useHostnameForHashing: true },
  ],
  [
    'load reports',
    typed(entry('client_side_weighted_round_robin', 'ClientSideWeightedRoundRobin', { blackout_period: '3s' })),
    { policy: EQUAL, ...plain },
  ],
  [
    'wrr_locality',
    typed(
      entry('wrr_locality', 'WrrLocality', {
        endpoint_picking_policy: { policies: [unknown, entry('client_side_weighted_round_robin', 'ClientSideWeightedRoundRobin')] },
      }),
    ),
    { policy: EQUAL, ...plain, localityWeighted: true },
  ],
]

for (const [what, fields, expected] of CASES) {
  test(`${what}: read, nothing reported`, () => {
    const { reading, found, unaccounted } = read(fields)
    assert.equal(reading, expected)
    assert.equal(codes(found), [])
    assert.equal(unaccounted, [], 'every field has a class')
  })
}

const DIVERTED: readonly (readonly [what: string, fields: Fields, path: string])[] = [
  ['CLUSTER_PROVIDED', { lb_policy: 'CLUSTER_PROVIDED' }, 'cds["a"].lb_policy'],
  [
    'bounded load',
    { lb_policy: 'MAGLEV', common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 120 } } },
    'cds["a"].lb_policy',
  ],
  ['bounded load of a ring', typed(entry('ring_hash', 'RingHash', { hash_balance_factor: 120 })), 'cds["a"].load_balancing_policy'],
  [
    'a hash policy of its own',
    typed(entry('maglev', 'Maglev', { consistent_hashing_lb_config: { hash_policy: [{ connection_properties: { source_ip: true } }] } })),
    'cds["a"].load_balancing_policy',
  ],
  [
    'an earlier entry that cannot be done',
    typed(
      entry('override_host', 'OverrideHost', {
        override_host_sources: [{ header: 'x' }],
        fallback_policy: { policies: [entry('random', 'Random')] },
      }),
      entry('round_robin', 'RoundRobin'),
    ),
    'cds["a"].load_balancing_policy',
  ],
  [
    'reports out of band',
    typed(entry('client_side_weighted_round_robin', 'ClientSideWeightedRoundRobin', { enable_oob_load_report: true })),
    'cds["a"].load_balancing_policy',
  ],
]

for (const [what, fields, path] of DIVERTED) {
  test(`${what}: diverted with KM1401`, () => {
    const { reading, found, unaccounted } = read(fields)
    assert.ok('unsupported' in reading)
    assert.equal(codes(found), [`KM1401 warning ${path}`])
    assert.equal(unaccounted, [], 'every field has a class')
  })
}

/** Each of these a real Envoy 1.40 refuses to load. */
const REFUSED: readonly (readonly [what: string, fields: Fields, code: string])[] = [
  ['host names of an EDS cluster', { common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } } }, 'KM1406'],
  ['a table size that is not prime', { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 10 } }, 'KM1403'],
  ['ring sizes', { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 10, maximum_ring_size: 5 } }, 'KM1404'],
  ['a maximum below the default minimum', { lb_policy: 'RING_HASH', ring_hash_lb_config: { maximum_ring_size: 5 } }, 'KM1404'],
  ['LOAD_BALANCING_POLICY_CONFIG alone', { lb_policy: 'LOAD_BALANCING_POLICY_CONFIG' }, 'KM1405'],
  [
    'two kinds of locality config',
    { common_lb_config: { locality_weighted_lb_config: {} }, ...typed(entry('random', 'Random')) },
    'KM1405',
  ],
  ['typed and subsets', { lb_subset_config: {}, ...typed(entry('random', 'Random')) }, 'KM1405'],
  ['nothing that Envoy knows', typed(unknown), 'KM1405'],
  [
    'wrr_locality of another policy',
    typed(entry('wrr_locality', 'WrrLocality', { endpoint_picking_policy: { policies: [entry('round_robin', 'RoundRobin')] } })),
    'KM1405',
  ],
]

for (const [what, fields, code] of REFUSED) {
  test(`${what}: refused with ${code}`, () => {
    const { reading, found } = read(fields)
    assert.ok('unsupported' in reading)
    assert.equal(
      found.map((one) => `${one.code} ${one.severity}`),
      [`${code} error`],
    )
    assert.ok(found[0]?.fix)
  })
}

test('slow start is a warning only where there is a window', () => {
  const slow = (window: Fields): Fields => ({ round_robin_lb_config: { slow_start_config: window } })
  assert.equal(codes(read(slow({ slow_start_window: '60s' })).found), ['KM1402 warning cds["a"].round_robin_lb_config.slow_start_config'])
  assert.equal(codes(read(slow({})).found), [])
})

test('a runtime key of the bias counts where the runtime sets it', () => {
  const diag = createDiagnostics()
  const bias = { default_value: 2, runtime_key: 'upstream.bias' }
  const cluster = (fields: Fields): PolicyReading => {
    const value = { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'a', ...fields }
    const { resources } = readInput([{ name: 'a.json', bytes: Buffer.from(JSON.stringify(value)) }], diag)
    const at = resources[0]?.cursor
    if (at === undefined) throw new Error('no cluster')
    return readBalancePolicy(at, diag, (key) => (key === 'upstream.bias' ? 0.5 : key === 'below' ? -1 : undefined))
  }
  const biasOf = (reading: PolicyReading): number | undefined =>
    'policy' in reading && reading.policy.name === 'LEAST_REQUEST' ? reading.policy.activeRequestBias : undefined
  const legacy = (active_request_bias: Fields): Fields => ({ lb_policy: 'LEAST_REQUEST', least_request_lb_config: { active_request_bias } })
  assert.is(biasOf(cluster(legacy(bias))), 0.5)
  assert.is(biasOf(cluster(typed(entry('least_request', 'LeastRequest', { active_request_bias: bias })))), 0.5)
  assert.is(biasOf(cluster(legacy({ ...bias, runtime_key: 'not.set' }))), 2)
  assert.is(biasOf(cluster(legacy({ ...bias, runtime_key: 'below' }))), 1, 'Envoy takes 1 for what is negative')
  assert.equal(diag.list, [])
})

test.run()
