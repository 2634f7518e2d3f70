import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { xxHash64Text } from '../balance/hash.ts'
import { evalBalance } from '../balance/table.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { type Decision, type Dial, decide } from './eval.ts'
import type { Action, Balance, Cluster, Endpoint, HashPolicy, Listener, ListenerKey, Policy, Program } from './program.ts'

const ip = (text: string): Uint8Array => parseIp(text) as Uint8Array
const endpoint = (address: string, port: number, weight = 1): Endpoint => ({
  address: ip(address),
  port,
  weight,
  health: 'healthy',
  hashKey: `${address}:${port}`,
})

function balanced(name: string, endpoints: readonly Endpoint[], policy: Policy = { name: 'ROUND_ROBIN' }, maxConnections = 1024): Cluster {
  const balance: Balance = {
    policy,
    priorities: [{ localities: [{ region: '', zone: '', subZone: '', weight: 0, endpoints }] }],
    overprovisioningFactor: 140,
    panicThreshold: 50,
    failTrafficOnPanic: false,
    localityWeighted: false,
    weightedPriorityHealth: false,
  }
  return { name, path: '', target: { kind: 'balance', balance }, maxConnections }
}

const CLUSTERS: readonly Cluster[] = [
  balanced('one', [endpoint('127.96.1.1', 1)]),
  balanced('two', [endpoint('127.96.1.1', 1, 3), endpoint('127.96.1.2', 2)]),
  { name: 'pass', path: '', target: { kind: 'original_dst' }, maxConnections: 1024 },
  { name: 'tls', path: '', target: { kind: 'refuse', reason: 'tls', why: 'needs TLS' }, maxConnections: 1024 },
  balanced('full', [endpoint('127.96.1.1', 1)], { name: 'ROUND_ROBIN' }, 0),
  balanced('empty', []),
  balanced('maglev', [endpoint('127.96.1.1', 1), endpoint('127.96.1.2', 2), endpoint('127.96.1.3', 3)], { name: 'MAGLEV', tableSize: 101 }),
  balanced('mixed', [endpoint('127.96.1.1', 1), endpoint('::1', 1)]),
]
const index = (name: string): number => CLUSTERS.findIndex((cluster) => cluster.name === name)
const to = (name: string, hash: HashPolicy = { kind: 'none' }): Action => ({ kind: 'cluster', path: '', cluster: index(name), hash })
const shares = (parts: Readonly<Record<string, number>>): Action => ({
  kind: 'weighted',
  path: '',
  clusters: Object.entries(parts).map(([name, weight]) => ({ cluster: name === 'unknown' ? null : index(name), weight })),
  hash: { kind: 'none' },
})

function listener(name: string, keys: readonly ListenerKey[], fallback: Action, more: Partial<Listener> = {}): Listener {
  return { name, path: '', protocol: 'tcp', keys, chains: [], fallback, ...more }
}

const exact = (address: string, port: number): ListenerKey => ({ kind: 'exact', address: ip(address), port })

function ask(listeners: readonly Listener[], address: string, port: number, more: Partial<Dial> = {}): Decision {
  const program: Program = { listeners, clusters: CLUSTERS, services: [] }
  return decide(program, { protocol: 'tcp', address: ip(address), port, ...more }, { shares: evalBalance, hash: xxHash64Text })
}

/** the decision as one line */
function text(decision: Decision): string {
  if (decision.outcome === 'passed') return `passed ${decision.listener ?? ''}`.trim()
  if (decision.outcome === 'refused') return `refused ${decision.reason}`
  const parts = [
    ...[...decision.shares].map(([place, share]) => `${place} ${share.toFixed(3)}`),
    ...[...decision.refused].map(([reason, share]) => `${reason} ${share.toFixed(3)}`),
  ]
  return [
    ...parts,
    ...(decision.passed > 0 ? [`passed ${decision.passed.toFixed(3)}`] : []),
    ...(decision.cycle === undefined ? [] : [`cycle ${decision.cycle}`]),
  ].join(', ')
}

const only = (action: Action): readonly Listener[] => [listener('l', [exact('127.96.0.1', 80)], action)]
const what = (action: Action, more: Partial<Dial> = {}): string => text(ask(only(action), '127.96.0.1', 80, more))

test('nothing governs: the connection is left alone', () => {
  assert.is(text(ask(only(to('one')), '127.96.0.2', 80)), 'passed')
  assert.is(text(ask(only(to('one')), '127.96.0.1', 81)), 'passed')
  assert.is(text(ask(only(to('one')), '127.96.0.1', 80, { protocol: 'udp' })), 'passed')
})

test('exact before wildcard before catch-all, each family on its own', () => {
  const listeners = [
    listener('exact', [exact('127.96.0.1', 80)], to('one')),
    listener('four', [{ kind: 'any4', port: 80 }], to('pass')),
    listener('six', [{ kind: 'any6', port: 81 }], to('pass')),
    listener('rest', [{ kind: 'catch_all', family: 'v4' }], to('tls')),
  ]
  assert.is(text(ask(listeners, '127.96.0.1', 80)), '127.96.1.1:1 1.000, cycle 1')
  assert.is(text(ask(listeners, '127.96.0.9', 80)), 'passed four')
  assert.is(text(ask(listeners, '127.96.0.9', 81)), 'refused tls')
  assert.is(text(ask(listeners, 'fd00::1', 81)), 'passed six')
  assert.is(text(ask(listeners, 'fd00::1', 80)), 'passed')
  assert.is(text(ask(listeners, '::ffff:127.96.0.1', 80)), '127.96.1.1:1 1.000, cycle 1', 'a mapped address is IPv4')
})

test('0.0.0.0 and :: are the loopback address', () => {
  assert.is(text(ask([listener('l', [exact('127.0.0.1', 80)], to('one'))], '0.0.0.0', 80)), '127.96.1.1:1 1.000, cycle 1')
  assert.is(text(ask([listener('l', [exact('::1', 80)], to('pass'))], '::', 80)), 'passed l')
})

test('what a cluster does', () => {
  assert.is(what(to('two')), '127.96.1.1:1 0.750, 127.96.1.2:2 0.250, cycle 4')
  assert.is(what(to('pass')), 'passed l')
  assert.is(what(to('tls')), 'refused tls')
  assert.is(what(to('empty')), 'refused no_endpoint')
  assert.is(what(to('full')), 'refused overflow')
  assert.is(what({ kind: 'refuse', path: '', reason: 'no_filter_chain' }), 'refused no_filter_chain')
})

test('diverted is refused and says why', () => {
  assert.equal(ask(only({ kind: 'divert', path: '', why: 'http' }), '127.96.0.1', 80), {
    outcome: 'refused',
    reason: 'diverted',
    listener: 'l',
    why: 'http',
  })
})

test('weighted clusters share over the true total', () => {
  assert.is(what(shares({ one: 1, two: 2 })), '127.96.1.1:1 0.833, 127.96.1.2:2 0.167')
  assert.is(what(shares({ one: 0, two: 2 })), '127.96.1.1:1 0.750, 127.96.1.2:2 0.250')
  assert.is(what(shares({ one: 3, unknown: 1 })), '127.96.1.1:1 0.750, unknown_cluster 0.250')
  assert.is(what(shares({ one: 1, pass: 1, tls: 2 })), '127.96.1.1:1 0.250, tls 0.500, passed 0.250')
  assert.is(what(shares({ unknown: 1, tls: 1 })), 'refused unknown_cluster')
})

test('a hash on the source needs the source; a key and no policy do not', () => {
  assert.is(what(to('maglev', { kind: 'source_ip' })), 'refused no_source')
  const met = new Set(Array.from({ length: 50 }, (_, i) => what(to('maglev', { kind: 'source_ip' }), { source: ip(`127.0.0.${i + 1}`) })))
  assert.ok(met.size === 3 && [...met].every((line) => line.endsWith(' 1.000')), [...met].join('; '))
  assert.match(what(to('maglev', { kind: 'key', key: 'k' })), / 1\.000$/)
  assert.is(what(to('maglev')).split(', ').length, 3)
  assert.is(what(to('two', { kind: 'source_ip' })), '127.96.1.1:1 0.750, 127.96.1.2:2 0.250, cycle 4', 'other policies do not hash')
})

test('a socket meets the endpoints of a family that it can reach, and is refused where there are none', () => {
  assert.is(what(to('mixed'), { socket: 'v4' }), '127.96.1.1:1 1.000')
  assert.is(what(to('mixed'), { socket: 'v6only' }), '[::1]:1 1.000')
  assert.is(what(to('mixed'), { socket: 'v6' }), '127.96.1.1:1 0.500, [::1]:1 0.500, cycle 2')
  assert.is(what(to('one'), { socket: 'v6only' }), 'refused family')
  assert.is(what(shares({ one: 1, mixed: 1 }), { socket: 'v6only' }), '[::1]:1 0.500, family 0.500')
})

test.run()
