import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { chain, cluster, listenerKey, listenerValue, ROW_SIZE, weighted } from '../../proto/abi.ts'
import { get, get64 } from '../../proto/layout.ts'
import { ipOf, smallCluster, smallListener, toCluster } from '../../scripts/kit/small-program.ts'
import { createDiagnostics } from '../diag/sink.ts'
import type { Action, Cluster, Listener, Program } from '../ir/program.ts'
import { lowerServices } from './http/lower-services.ts'
import { printPlan } from './print.ts'
import type { BalanceBlock } from './balance-block.ts'
import { type Lowering, toPlan } from './to-plan.ts'

const v4 = (...bytes: number[]): Uint8Array => ipOf(bytes.join('.'))
const balanced = (name: string): Cluster => smallCluster(name, 7)
const listener = (name: string, port: number, action: Action, extra: Partial<Listener> = {}): Listener => ({
  ...smallListener(name, '127.96.0.1', port, action),
  ...extra,
})
/** Every cluster becomes two rows; the u32 at byte 4 of the second is a state. */
const lowering: Lowering = {
  balance: (_, states): BalanceBlock => {
    const rows = new Uint8Array(2 * ROW_SIZE)
    new DataView(rows.buffer).setUint32(ROW_SIZE + 4, states.endpoint('127.0.0.1:1'), true)
    return {
      tiers: 1,
      rows,
      relocations: [ROW_SIZE + 4],
      policy: 'ROUND_ROBIN',
      choiceCount: 0,
      bias: 0,
      flags: 0,
      shape: { localities: false },
    }
  },
  hash: () => 0x1234n,
  http: lowerServices,
}
const plan = (program: Program) => toPlan(program, lowering, createDiagnostics())
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const field = (layout: typeof chain, name: string) => layout.fields[name] as NonNullable<(typeof layout.fields)[string]>

test('listener rows point at chain rows, equal actions share one', () => {
  const { tables } = plan({
    listeners: [listener('a', 80, toCluster(0)), listener('b', 81, toCluster(0)), listener('c', 82, toCluster(1))],
    clusters: [balanced('x'), balanced('y')],
    services: [],
  })
  assert.is(tables.chain.length / chain.size, 2)
  const targets = [0, 1, 2].map((index) => get(viewOf(tables.listener.values), index * listenerValue.size, field(listenerValue, 'target')))
  assert.equal(targets, [0, 0, 1])
  assert.equal([...tables.listener.keys.subarray(0, 16)], [...v4(127, 96, 0, 1)])
  assert.is(get(viewOf(tables.listener.keys), 0, field(listenerKey, 'port')), 80)
})

test('relocations name every state of the endpoint table by byte offset', () => {
  const { tables } = plan({ listeners: [], clusters: [balanced('x'), balanced('y')], services: [] })
  assert.equal([...tables.endpointRelocations], [ROW_SIZE + 4, 3 * ROW_SIZE + 4])
  const owners = [...tables.endpointRelocations].map((offset) => viewOf(tables.endpoint).getUint32(offset, true))
  assert.is(new Set(owners).size, 2, 'the same address in two clusters has two owners')
  assert.ok(owners.every((owner) => owner > 0 && owner < tables.states.length / 16))
  const view = viewOf(tables.cluster)
  assert.is(view.getUint32(cluster.size + field(cluster, 'cells').offset + 8, true), 2, 'second cluster starts at its own rows')
})

test('weighted clusters are cumulative; an unknown one gets a head that refuses', () => {
  const action: Action = {
    kind: 'weighted',
    path: 'p',
    clusters: [
      { cluster: 0, weight: 999 },
      { cluster: null, weight: 1 },
    ],
    hash: { kind: 'key', key: 'k' },
  }
  const { tables, names, units } = plan({ listeners: [listener('a', 80, action)], clusters: [balanced('x')], services: [] })
  const view = viewOf(tables.chain)
  assert.is(get64(view, 0, field(chain, 'total')), 1000n)
  assert.is(get64(view, 0, field(chain, 'hash')), 0x1234n)
  assert.is(get64(view, weighted.size, field(weighted, 'upto')), 999n)
  assert.is(get(view, 2 * weighted.size, field(weighted, 'cluster')), 1)
  assert.is(names.clusters[1]?.refused, 'unknown_cluster: not in the snapshot')
  assert.equal(units[0], { kind: 'entry', tcp: true, udp: false, dynamic: false, weighted: true, http: false })
})

test('units depend on what is used, not on how much', () => {
  const small = plan({ listeners: [listener('a', 80, toCluster(0))], clusters: [balanced('x')], services: [] })
  const large = plan({
    listeners: Array.from({ length: 50 }, (_, index) => listener(`l${index}`, index + 1, toCluster(index % 3))),
    clusters: ['x', 'y', 'z'].map(balanced),
    services: [],
  })
  assert.equal(small.units, large.units)
  assert.equal(plan({ listeners: [], clusters: [balanced('x')], services: [] }).units, [])
})

test('ORIGINAL_DST passes, refused clusters say why', () => {
  const program: Program = {
    listeners: [listener('a', 80, toCluster(0)), listener('b', 81, toCluster(1))],
    clusters: [
      { name: 'pass', path: '', target: { kind: 'original_dst' }, maxConnections: 1 },
      { name: 'tls', path: '', target: { kind: 'refuse', reason: 'tls', why: 'endpoints need TLS' }, maxConnections: 1 },
    ],
    services: [],
  }
  const text = printPlan(plan(program))
  assert.match(text, '0 pass')
  assert.match(text, 'tls refuse tls')
  assert.match(text, 'tcp 127.96.0.1:80 -> chain 0')
})

test('the same Program gives the same text', () => {
  const program: Program = {
    listeners: [
      listener('a', 80, toCluster(0), {
        keys: [
          { kind: 'catch_all', family: 'v6' },
          { kind: 'any4', port: 9 },
        ],
      }),
    ],
    clusters: [balanced('x')],
    services: [],
  }
  assert.is(printPlan(plan(program)), printPlan(plan(program)))
  assert.match(printPlan(plan(program)), '[::]:0 -> chain 0')
})

test.run()
