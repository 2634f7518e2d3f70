import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  CHAIN_CLUSTER,
  CHAIN_DIVERT,
  CHAIN_PASS,
  CHAIN_REFUSE,
  CHAIN_WEIGHTED,
  CLUSTER_PASS,
  chain,
  cluster,
  LISTENER_DYNAMIC,
  listenerKey,
  listenerValue,
  matchKey,
  weighted,
} from '../proto/abi.ts'
import { type DecisionTables, decidedPlaces } from './decided-places.ts'
import { packRow } from './field.ts'
import { governedAddresses, type GovernedPlace } from './governed-addresses.ts'
import { placeText } from './socket-address.ts'
import { parseIp } from '../proto/address/parse-ip.ts'

const bytes = (text: string): Uint8Array => parseIp(text) as Uint8Array
const tcp = (address: string, port: number): GovernedPlace => ({ protocol: 'tcp', address: bytes(address), port })

test('exact and wildcard listeners govern, the catch-all does not', () => {
  const { governs } = governedAddresses([tcp('10.96.0.1', 80), tcp('0.0.0.0', 90), tcp('::', 91), tcp('0.0.0.0', 0)], [])
  assert.ok(governs('tcp', bytes('10.96.0.1'), 80))
  assert.not(governs('udp', bytes('10.96.0.1'), 80))
  assert.not(governs('tcp', bytes('10.96.0.1'), 81))
  assert.ok(governs('tcp', bytes('192.0.2.7'), 90))
  assert.not(governs('tcp', bytes('fd00::1'), 90))
  assert.ok(governs('tcp', bytes('fd00::1'), 91))
  assert.not(governs('tcp', bytes('192.0.2.7'), 91))
  assert.not(governs('tcp', bytes('192.0.2.7'), 0))
})

test('an address that is also an endpoint is not called governed', () => {
  const { governs } = governedAddresses(
    [tcp('10.1.2.3', 80), tcp('0.0.0.0', 90)],
    [
      { address: bytes('10.1.2.3'), port: 80 },
      { address: bytes('10.1.2.4'), port: 90 },
    ],
  )
  assert.not(governs('tcp', bytes('10.1.2.3'), 80))
  assert.not(governs('tcp', bytes('10.1.2.4'), 90))
  assert.ok(governs('tcp', bytes('10.1.2.5'), 90))
})

/** Listener i is 10.96.0.i:80; dynamic where a set is given. */
function tables(
  chains: readonly Buffer[],
  listeners: readonly { target: number; fallback?: number }[],
  matches: readonly { set: number; row: number }[],
): DecisionTables {
  const set = (number: number): Buffer => {
    const row = packRow(matchKey, { length: 64 })
    row.writeUInt32BE(number, 4)
    return row
  }
  return {
    listenerKeys: Buffer.concat(listeners.map((_, i) => packRow(listenerKey, { address: bytes(`10.96.0.${i}`), port: 80, protocol: 6 }))),
    listenerValues: Buffer.concat(
      listeners.map(({ target, fallback }) =>
        packRow(listenerValue, { target, flags: fallback === undefined ? 0 : LISTENER_DYNAMIC, fallback: fallback ?? 0 }),
      ),
    ),
    matchKeys: Buffer.concat(matches.map((match) => set(match.set))),
    matchValues: Buffer.concat(matches.map(({ row }) => Buffer.from(Uint32Array.of(row).buffer))),
    chain: Buffer.concat(chains),
    cluster: Buffer.concat([packRow(cluster, {}), packRow(cluster, { flags: CLUSTER_PASS })]),
  }
}

const shown = (from: DecisionTables, diverted: 'refuse' | 'pass'): readonly string[] => [...decidedPlaces(from, diverted)].map(placeText)

test('listeners that leave connections alone are not decided', () => {
  const chains = [
    packRow(chain, { kind: CHAIN_CLUSTER, target: 0 }),
    packRow(chain, { kind: CHAIN_CLUSTER, target: 1 }),
    packRow(chain, { kind: CHAIN_PASS }),
    packRow(chain, { kind: CHAIN_REFUSE }),
    packRow(chain, { kind: CHAIN_DIVERT }),
    packRow(chain, { kind: CHAIN_WEIGHTED, target: 6, count: 2 }),
    packRow(weighted, { cluster: 0 }),
    packRow(weighted, { cluster: 1 }),
    packRow(chain, { kind: CHAIN_WEIGHTED, target: 6, count: 1 }),
  ]
  const all = tables(
    chains,
    [0, 1, 2, 3, 4, 5, 8, 99].map((target) => ({ target })),
    [],
  )
  assert.equal(shown(all, 'refuse'), ['10.96.0.0:80', '10.96.0.3:80', '10.96.0.4:80', '10.96.0.6:80'])
  assert.equal(shown(all, 'pass'), ['10.96.0.0:80', '10.96.0.3:80', '10.96.0.6:80'])
})

test('a dynamic listener is decided when all its chains and the rest are', () => {
  const chains = [packRow(chain, { kind: CHAIN_CLUSTER, target: 0 }), packRow(chain, { kind: CHAIN_PASS })]
  const listeners = [
    { target: 7, fallback: 0 },
    { target: 7, fallback: 1 },
    { target: 258, fallback: 0 },
  ]
  const matches = [
    { set: 7, row: 0 },
    { set: 258, row: 0 },
    { set: 258, row: 1 },
  ]
  assert.equal(shown(tables(chains, listeners, matches), 'refuse'), ['10.96.0.0:80'])
})

test.run()
