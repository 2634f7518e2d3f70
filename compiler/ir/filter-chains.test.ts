import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import type { ChainAction, ChainMatch, FilterChain as ParsedChain, Listener, Prefix } from '../parse/resources.ts'
import { prefixText } from '../../proto/address/address-text.ts'
import { actionAt } from './eval.ts'
import { filterChains } from './filter-chains.ts'
import type { Action, Listener as Governing } from './program.ts'

const ip = (text: string): Uint8Array => parseIp(text) as Uint8Array

function prefix(text: string): Prefix {
  const [address = '', length = '0'] = text.split('/')
  const family = address.includes(':') ? 'v6' : 'v4'
  return { address: ip(address), bits: Number(length) + (family === 'v4' ? 96 : 0), family }
}

type Match = Partial<Omit<ChainMatch, 'prefixes'>> & { readonly prefixes?: readonly string[] }

function chain(cluster: string, { prefixes = [], ...match }: Match = {}, action?: ChainAction): ParsedChain {
  const path = `chain ${cluster}`
  const whole: ChainMatch = {
    path: `${path} match`,
    destinationPort: undefined,
    serverNames: [],
    transportProtocol: '',
    applicationProtocols: [],
    source: [],
    conditions: [JSON.stringify(match)],
    ...match,
    prefixes: prefixes.map(prefix),
  }
  return { path, match: whole, action: action ?? { kind: 'cluster', path, cluster, hash: { kind: 'none' } } }
}

interface Result {
  readonly lines: readonly string[]
  readonly codes: readonly string[]
  /** what a dial meets */
  at(address: string, port: number): string
}

function resolve(chains: readonly ParsedChain[], inspectors: Listener['inspectors'] = []): Result {
  const diag = createDiagnostics()
  const listener = { name: 'l', path: 'l', chains, inspectors, defaultChain: undefined } as unknown as Listener
  const name = (why: string): Action => ({ kind: 'divert', path: '', why })
  const result = filterChains(
    listener,
    (target) =>
      name(
        target.kind === 'chain'
          ? (target.chain.action as { cluster: string }).cluster
          : target.kind === 'divert'
            ? target.code
            : target.kind === 'sniffed'
              ? `${target.protocols.join()}, else ${target.otherwise.kind}`
              : 'else',
      ),
    diag,
  )
  const governing: Governing = { name: 'l', path: 'l', protocol: 'tcp', keys: [], chains: result, fallback: name('else') }
  return {
    lines: result.map(
      ({ destinationPort, prefixes, action }) =>
        `${destinationPort ?? '*'} ${prefixes.map(prefixText).join(',') || 'any'} ${(action as { why: string }).why}`,
    ),
    codes: diag.list.map(({ code }) => code),
    at: (address, port) => (actionAt(governing, ip(address), port) as { why: string }).why,
  }
}

test('one chain for everything', () => {
  const { lines, at } = resolve([chain('a')])
  assert.equal(lines, ['* any a'])
  assert.is(at('127.96.0.1', 80), 'a')
})

test('a port whose chains do not fit leads to the default chain', () => {
  const { at } = resolve([
    chain('a', { destinationPort: 80, prefixes: ['10.1.0.0/16'] }),
    chain('b', { prefixes: ['10.0.0.0/8'] }),
    chain('c', { destinationPort: 81 }),
  ])
  assert.is(at('10.1.0.1', 80), 'a')
  assert.is(at('10.2.0.1', 80), 'else')
  assert.is(at('10.2.0.1', 90), 'b')
  assert.is(at('10.1.0.1', 81), 'c')
  assert.is(at('11.0.0.1', 90), 'else')
})

test('the longest prefix wins, and a prefix whose chains do not fit leads to the default chain', () => {
  const { at } = resolve([chain('a', { prefixes: ['10.1.0.0/16'], transportProtocol: 'tls' }), chain('b', { prefixes: ['10.0.0.0/8'] })])
  assert.is(at('10.1.0.1', 80), 'else')
  assert.is(at('10.2.0.1', 80), 'b')
})

test('families do not mix', () => {
  const six = resolve([chain('a', { prefixes: ['::/0'] })])
  assert.is(six.at('10.0.0.1', 80), 'else')
  assert.is(six.at('fd00::1', 80), 'a')
  const four = resolve([chain('a', { prefixes: ['0.0.0.0/0'] })])
  assert.is(four.at('10.0.0.1', 80), 'a')
  assert.is(four.at('fd00::1', 80), 'else')
  assert.is(resolve([chain('a', { prefixes: ['::ffff:10.0.0.0/104'] })]).at('10.0.0.1', 80), 'else')
})

test('a short IPv6 prefix over the mapped range leaves IPv4 to the chain without prefix', () => {
  const { at } = resolve([chain('a', { prefixes: ['::/8'] }), chain('b')])
  assert.is(at('10.0.0.1', 80), 'b')
  assert.is(at('::1', 80), 'a')
  assert.is(at('fd00::1', 80), 'b')
})

test('no prefix beside a prefix of length 0: nobody knows which', () => {
  const { at } = resolve([chain('a', { prefixes: ['0.0.0.0/0'] }), chain('b')])
  assert.is(at('10.0.0.1', 80), 'KM1215')
  assert.is(at('fd00::1', 80), 'b')
  const six = resolve([chain('a', { prefixes: ['::/0'] }), chain('b')])
  assert.is(six.at('10.0.0.1', 80), 'b')
  assert.is(six.at('fd00::1', 80), 'KM1215')
})

test('without an inspector every connection is raw_buffer with no name and no protocol', () => {
  assert.is(resolve([chain('a', { transportProtocol: 'raw_buffer' }), chain('b')]).at('10.0.0.1', 1), 'a')
  assert.is(resolve([chain('a', { transportProtocol: 'tls' }), chain('b')]).at('10.0.0.1', 1), 'b')
  assert.is(resolve([chain('a', { serverNames: ['x.y'] }), chain('b', { applicationProtocols: ['h2'] })]).at('10.0.0.1', 1), 'else')
})

test('with an inspector what it finds is not known', () => {
  assert.is(resolve([chain('a', { serverNames: ['x.y'] }), chain('b')], ['tls']).at('10.0.0.1', 1), 'KM1204')
  assert.is(resolve([chain('a', { transportProtocol: 'raw_buffer' })], ['tls']).at('10.0.0.1', 1), 'KM1204')
  assert.is(resolve([chain('a', { applicationProtocols: ['h2'] }), chain('b')], ['http']).at('10.0.0.1', 1), 'KM1204')
  assert.is(
    resolve([chain('a', { serverNames: ['x.y'] }), chain('b')], ['http']).at('10.0.0.1', 1),
    'b',
    'the HTTP inspector finds no names',
  )
  assert.is(resolve([chain('a')], ['tls', 'http']).at('10.0.0.1', 1), 'a')
})

test('an inspector concerns only the ports and prefixes that ask for what it finds', () => {
  const { at } = resolve(
    [chain('a', { destinationPort: 443, serverNames: ['x.y'] }), chain('b', { destinationPort: 80 }), chain('c')],
    ['tls'],
  )
  assert.is(at('10.0.0.1', 443), 'KM1204')
  assert.is(at('10.0.0.1', 80), 'b')
  assert.is(at('10.0.0.1', 81), 'c')
})

test('plain HTTP behind an inspector has its chain, all else another', () => {
  const http: ChainAction = { kind: 'http', path: 'p', manager: 'p.typed_config' }
  const sniffed = (chains: readonly ParsedChain[], inspectors: Listener['inspectors']): string =>
    resolve(chains, inspectors).at('10.0.0.1', 1)
  assert.is(sniffed([chain('a', { applicationProtocols: ['http/1.1'] }, http), chain('b')], ['http']), 'http/1.1, else chain')
  assert.is(sniffed([chain('a', { applicationProtocols: ['http/1.1', 'h2c'] }, http)], ['http']), 'http/1.1,h2c, else fallback')
  assert.is(sniffed([chain('a', { transportProtocol: 'raw_buffer' }, http), chain('b')], ['tls']), 'http/1.1,http/1.0,h2c, else chain')
  const twoOthers = [chain('a', { applicationProtocols: ['http/1.1'] }, http), chain('t', { transportProtocol: 'tls' }), chain('b')]
  assert.is(sniffed(twoOthers, ['tls', 'http']), 'KM1701', 'TLS and other bytes go different ways')
})

test('the source is not known', () => {
  assert.is(resolve([chain('a', { source: ['source_type'] }), chain('b', { source: ['source_ports'] })]).at('10.0.0.1', 1), 'KM1205')
  assert.is(
    resolve([chain('a', { source: ['source_type'], serverNames: ['x.y'] }), chain('b')]).at('10.0.0.1', 1),
    'b',
    'a chain that cannot fit does not matter',
  )
})

test('chains with a match in common are refused', () => {
  assert.equal(resolve([chain('a', { conditions: ['x', 'y'] }), chain('b', { conditions: ['y'] })]).codes, ['KM1207'])
  assert.equal(
    resolve([
      chain('a', { conditions: ['x'], prefixes: ['10.0.0.0/8', '11.0.0.0/8'] }),
      chain('b', { conditions: ['x'], prefixes: ['11.0.0.0/8'] }),
    ]).codes,
    ['KM1207'],
  )
  assert.equal(resolve([chain('a', { conditions: ['x'], destinationPort: 1 }), chain('b', { conditions: ['x'] })]).codes, [])
  assert.equal(
    resolve([chain('a', { conditions: ['x'], prefixes: ['10.0.0.0/8', '10.0.0.0/8'] })]).codes,
    ['KM1207'],
    'also when one chain says it twice',
  )
  assert.equal(resolve([chain('a', { conditions: ['x', 'x'] }), chain('b', { conditions: ['y'] })]).codes, ['KM1207'])
})

test.run()
