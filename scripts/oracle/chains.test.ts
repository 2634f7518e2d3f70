/** Which filter chain a connection meets, as a real Envoy says: a bounded number of random listeners, always the same. It needs an Envoy ($ENVOY or scripts/setup). No root. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { agreeOnChains } from './agree-on-chains.ts'

test('connections meet the filter chain that Envoy gives them', async () => {
  const report = await agreeOnChains({ seed: 11, count: 60, port: 22_500 })
  assert.equal(report.wrong, [])
  assert.ok(report.connections > 1000, `${report.connections} connections`)
})

test.run()
