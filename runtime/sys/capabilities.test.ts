import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { holds, parseCapabilities } from './capabilities.ts'

test('bits are named by number', () => {
  assert.equal([...parseCapabilities('CapPrm:\t0000000000000001\nCapEff:\t0000008000001000\n')], ['CAP_NET_ADMIN', 'CAP_BPF'])
  assert.is(parseCapabilities('CapEff:\t000001ffffffffff\n').size, 41)
  assert.is(parseCapabilities('CapEff:\tffffffffffffffff\n').size, 41)
  assert.is(parseCapabilities('nothing here').size, 0)
})

test('CAP_SYS_ADMIN stands in for CAP_BPF, not for CAP_NET_ADMIN', () => {
  const own = parseCapabilities('CapEff:\t0000000000200000\n')
  assert.equal([...own], ['CAP_SYS_ADMIN'])
  assert.is(holds(own, 'CAP_BPF'), 'yes')
  assert.is(holds(own, 'CAP_NET_ADMIN'), 'no')
})

test.run()
