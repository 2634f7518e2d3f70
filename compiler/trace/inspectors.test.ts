/** When a listener looks for TLS and HTTP: each row was tried with connections to Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from '../input/read.ts'
import { parseSocketAddress } from './addresses.ts'
import { readInspectors } from './inspectors.ts'

type Json = Readonly<Record<string, unknown>>

function looksForTls(port: number, disabled: Json | undefined, kind = 'tls'): boolean {
  const typed_config = {
    '@type': `type.googleapis.com/envoy.extensions.filters.listener.${kind}_inspector.v3.${kind === 'tls' ? 'Tls' : 'Http'}Inspector`,
  }
  const filter = { name: 'f', typed_config, ...(disabled !== undefined && { filter_disabled: disabled }) }
  const listener = { '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener', name: 'l', listener_filters: [filter] }
  const { resources } = readInput([{ name: 'l.json', bytes: Buffer.from(JSON.stringify([listener])) }], createDiagnostics())
  const at = resources[0]?.cursor
  assert.ok(at)
  return readInspectors(at.messages('listener_filters')).looksFor('tls', parseSocketAddress(`127.0.0.1:${port}`))
}

test('an inspector looks for its own protocol', () => {
  assert.equal([looksForTls(80, undefined), looksForTls(80, undefined, 'http')], [true, false])
})

test('filter_disabled: ranges without their end, and what is made of them', () => {
  const range = (start: number, end: number): Json => ({ destination_port_range: { start, end } })
  assert.equal(
    [80, 81, 82].map((port) => looksForTls(port, range(80, 82))),
    [false, false, true],
  )
  assert.is(looksForTls(80, { any_match: true }), false)
  assert.is(looksForTls(80, { not_match: range(80, 81) }), true)
  assert.equal(
    [80, 90].map((port) => looksForTls(port, { or_match: { rules: [range(80, 81), range(82, 83)] } })),
    [false, true],
  )
  assert.equal(
    [80, 81].map((port) => looksForTls(port, { and_match: { rules: [range(80, 82), range(81, 83)] } })),
    [true, false],
  )
})

test.run()
