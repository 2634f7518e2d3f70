/** Which filter chain a connection meets: each row was tried with a connection to Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from '../input/read.ts'
import { parseSocketAddress } from './addresses.ts'
import { chooseChain, readChainMatch } from './filter-chain.ts'

type Json = Readonly<Record<string, unknown>>

const DESTINATION = '127.70.0.1:18090'

/** the number of the chain */
function chosen(source: string, matches: readonly Json[], applicationProtocol?: string): number | undefined {
  const listener = {
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: 'l',
    filter_chains: matches.map((filter_chain_match) => ({ filter_chain_match })),
  }
  const { resources } = readInput([{ name: 'l.json', bytes: Buffer.from(JSON.stringify([listener])) }], createDiagnostics())
  const at = resources[0]?.cursor
  assert.ok(at)
  const chains = at.messages('filter_chains').map((chain, index) => ({ index, match: readChainMatch(chain.message('filter_chain_match')) }))
  return chooseChain(chains, {
    destination: parseSocketAddress(DESTINATION),
    source: parseSocketAddress(source),
    transport: 'raw_buffer',
    serverName: '',
    applicationProtocol,
  })?.index
}

const range = (address_prefix: string, prefix_len: number): readonly Json[] => [{ address_prefix, prefix_len }]

test('of the loopback network, 127.0.0.1 alone is local, and the address that is dialled', () => {
  const matches = [{ source_type: 'EXTERNAL' }, {}]
  assert.is(chosen('127.61.0.9:45000', matches), 0)
  assert.is(chosen('127.0.0.1:45000', matches), 1)
  assert.is(chosen('127.70.0.1:45000', matches), 1)
  assert.is(chosen('127.61.0.9:45000', [{ source_type: 'SAME_IP_OR_LOOPBACK' }]), undefined)
})

test('each condition keeps those that fit it best, and nobody goes back', () => {
  // the source type is asked before the source's range: 127.62.3.4 is external, and then in no range
  const external = { source_type: 'EXTERNAL', source_prefix_ranges: range('127.61.0.0', 16) }
  assert.is(chosen('127.61.0.9:45000', [external, {}]), 0)
  assert.is(chosen('127.62.3.4:45000', [external, {}]), undefined)
  assert.is(chosen('127.62.3.4:45000', [{ destination_port: 80 }, { source_prefix_ranges: range('127.0.0.0', 8) }]), 1)
  assert.is(chosen('127.62.3.4:45000', [{ destination_port: 18090, source_ports: [1] }, {}]), undefined)
  assert.is(
    chosen('127.61.1.7:45000', [
      { direct_source_prefix_ranges: range('127.61.0.0', 16) },
      { direct_source_prefix_ranges: range('127.61.1.0', 24) },
    ]),
    1,
  )
})

test('what a listener filter sees', () => {
  const matches = [{ application_protocols: ['h2c'] }, { application_protocols: ['http/1.1'] }, { transport_protocol: 'tls' }]
  assert.is(chosen('127.61.0.9:45000', matches, 'http/1.1'), 1)
  assert.is(chosen('127.61.0.9:45000', matches), undefined)
  assert.is(chosen('127.61.0.9:45000', [{ transport_protocol: 'raw_buffer' }, {}]), 0)
  assert.is(chosen('127.61.0.9:45000', [{ server_names: ['a.com'] }]), undefined)
})

test.run()
