import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evalBalance } from '../../compiler/balance/table.ts'
import type { Balance, Endpoint, Policy } from '../../compiler/ir/program.ts'
import { createEndpointPicker } from './pick-endpoint.ts'

const endpoint = (port: number, weight: number, health: Endpoint['health'] = 'healthy'): Endpoint => ({
  address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1),
  port,
  weight,
  health,
  hashKey: `127.0.0.1:${port}`,
})
const balance = (policy: Policy, ...priorities: readonly (readonly Endpoint[])[]): Balance => ({
  policy,
  priorities: priorities.map((endpoints) => ({ localities: [{ region: '', zone: '', subZone: '', weight: 0, endpoints }] })),
  overprovisioningFactor: 140,
  panicThreshold: 50,
  failTrafficOnPanic: false,
  localityWeighted: false,
  weightedPriorityHealth: false,
})
/** a sequence that looks random and is the same every time */
const sequence = (): (() => number) => {
  let state = 1
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

test('every policy meets endpoints by the shares of the interpreter', () => {
  const hosts = [endpoint(1, 1), endpoint(2, 2), endpoint(3, 5)]
  const other = [endpoint(4, 1), endpoint(5, 1)]
  const sick = hosts.map((one) => ({ ...one, health: one.port < 3 ? ('unhealthy' as const) : one.health }))
  for (const policy of [
    { name: 'ROUND_ROBIN' },
    { name: 'RANDOM' },
    { name: 'LEAST_REQUEST', choiceCount: 2, activeRequestBias: 1, fullScan: false },
    { name: 'RING_HASH', minimumRingSize: 64, maximumRingSize: 1024, hashFunction: 'XX_HASH' },
    { name: 'MAGLEV', tableSize: 211 },
  ] satisfies Policy[])
    for (const one of [balance(policy, hosts), balance(policy, sick, other)]) {
      const picker = createEndpointPicker(sequence())
      const counts = new Map<Endpoint, number>()
      const rounds = 20_000
      for (let round = 0; round < rounds; round++) {
        const met = picker.pick(one, undefined)
        if (met !== undefined) counts.set(met, (counts.get(met) ?? 0) + 1)
      }
      const { shares } = evalBalance(one)
      for (const [met, share] of shares) {
        const got = (counts.get(met) ?? 0) / rounds
        assert.ok(Math.abs(got - share) < 0.02, `${policy.name} port ${met.port}: ${got}, not ${share}`)
      }
      assert.is(counts.size, shares.size, policy.name)
    }
})

test('the same hash meets the same endpoint', () => {
  const one = balance({ name: 'MAGLEV', tableSize: 211 }, [endpoint(1, 1), endpoint(2, 1), endpoint(3, 1)])
  const picker = createEndpointPicker(sequence())
  assert.is(picker.pick(one, 12345n), picker.pick(one, 12345n))
})

test('least request looks at what is under way', () => {
  const hosts = [endpoint(1, 1), endpoint(2, 1)]
  const one = balance({ name: 'LEAST_REQUEST', choiceCount: 2, activeRequestBias: 1, fullScan: true }, hosts)
  const picker = createEndpointPicker(sequence())
  picker.begin(hosts[0] as Endpoint)
  for (let round = 0; round < 20; round++) assert.is(picker.pick(one, undefined), hosts[1])
  picker.end(hosts[0] as Endpoint)
  picker.begin(hosts[1] as Endpoint)
  assert.is(picker.pick(one, undefined), hosts[0])
})

test('nobody is there', () => {
  assert.is(createEndpointPicker().pick(balance({ name: 'RANDOM' }, []), undefined), undefined)
})

test.run()
