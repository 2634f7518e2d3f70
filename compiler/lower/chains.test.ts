import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Action, FilterChain, Listener, ListenerKey } from '../ir/program.ts'
import { type ChainWriter, chainTargets, covers } from './chains.ts'

const action = (path: string): Action => ({ kind: 'divert', path, why: path })
const v4 = (text: string): Uint8Array => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...text.split('.').map(Number)])
const chain = (path: string, destinationPort: number | undefined, ...prefixes: readonly (readonly [string, number])[]): FilterChain => ({
  path,
  action: action(path),
  ...(destinationPort !== undefined && { destinationPort }),
  prefixes: prefixes.map(([address, bits]) => ({ address: v4(address), bits: 96 + bits })),
})
const listener = (chains: readonly FilterChain[], ...keys: readonly ListenerKey[]): Listener => ({
  name: 'l',
  path: 'l',
  protocol: 'tcp',
  keys,
  chains,
  fallback: action('fallback'),
})

function recorder(): ChainWriter & { readonly rows: string[]; readonly entries: string[] } {
  const rows: string[] = []
  const entries: string[] = []
  let sets = 0
  return {
    rows,
    entries,
    row(target) {
      if (!rows.includes(target.path)) rows.push(target.path)
      return rows.indexOf(target.path)
    },
    set: () => ++sets,
    entry: (set, port, address, bits, row) => entries.push(`${set} ${port} ${[...address.subarray(12)].join('.')}/${bits} ${rows[row]}`),
  }
}
const exact = (address: string, port: number): ListenerKey => ({ kind: 'exact', address: v4(address), port })

test('a listener with one unconditional chain is settled for every key', () => {
  const writer = recorder()
  const target = chainTargets(listener([chain('only', undefined)]), writer)
  assert.equal(target({ kind: 'catch_all', family: 'v4' }), { kind: 'static', row: 0 })
  assert.equal(writer.rows, ['only'])
})

test('an exact key settles port and longest prefix at compile time', () => {
  const writer = recorder()
  const target = chainTargets(
    listener([chain('wide', undefined, ['10.0.0.0', 8]), chain('narrow', undefined, ['10.1.0.0', 16]), chain('port', 81)]),
    writer,
  )
  target(exact('10.1.2.3', 80))
  target(exact('10.2.2.3', 80))
  target(exact('11.0.0.1', 80))
  target(exact('10.1.2.3', 81))
  assert.equal(writer.rows, ['narrow', 'wide', 'fallback', 'port'])
  assert.equal(writer.entries, [])
})

test('chains of a port do not fall back to chains without one', () => {
  const writer = recorder()
  const target = chainTargets(listener([chain('port', 81, ['10.0.0.0', 8]), chain('any', undefined)]), writer)
  target(exact('11.0.0.1', 81))
  assert.equal(writer.rows, ['fallback'])
})

test('the catch-all gets a chain set, with a terminator for a port that names only prefixes', () => {
  const writer = recorder()
  const target = chainTargets(
    listener([chain('port', 81, ['10.0.0.0', 8]), chain('other', 82), chain('net', undefined, ['10.0.0.0', 8])]),
    writer,
  )
  assert.equal(target({ kind: 'catch_all', family: 'v4' }), { kind: 'dynamic', set: 1, fallback: 0 })
  assert.equal(target({ kind: 'catch_all', family: 'v4' }), { kind: 'dynamic', set: 1, fallback: 0 })
  assert.equal(writer.entries, ['1 81 10.0.0.0/104 port', '1 82 0.0.0.0/0 other', '1 0 10.0.0.0/104 net', '1 81 0.0.0.0/0 fallback'])
})

test('prefixes compare bit by bit', () => {
  const range = { address: v4('10.128.0.0'), bits: 96 + 9 }
  assert.ok(covers(range, v4('10.255.1.1')))
  assert.not.ok(covers(range, v4('10.127.1.1')))
  assert.ok(covers({ address: v4('1.2.3.4'), bits: 0 }, v4('9.9.9.9')))
  assert.not.ok(covers({ address: v4('1.2.3.4'), bits: 128 }, v4('1.2.3.5')))
})

test.run()
