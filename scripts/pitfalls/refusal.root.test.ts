/** Pitfall 16: a refusal is ECONNREFUSED on every hook and for every reason, never the EPERM of a program that only returns 0. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SocketStep, StepResult } from '../kit/sockets.ts'
import type { PitfallService } from './services.ts'
import { makeWorld } from './world.ts'

const PORT = 29160
const MSG_FASTOPEN = 0x20000000
const both = ['tcp', 'udp'] as const
const endpoint = { address: '10.1.0.1', port: PORT }
const services = both.flatMap((protocol): readonly PitfallService[] => [
  { name: `${protocol} empty`, protocol, address: '10.96.0.1', port: 80, endpoints: [] },
  { name: `${protocol} empty six`, protocol, address: 'fd00:96::1', port: 80, endpoints: [] },
  { name: `${protocol} full`, protocol, address: '10.96.0.2', port: 80, endpoints: [endpoint], maxConnections: 0 },
  { name: `${protocol} full six`, protocol, address: 'fd00:96::2', port: 80, endpoints: [endpoint], maxConnections: 0 },
  { name: `${protocol} other family`, protocol, address: '10.96.0.3', port: 80, endpoints: [{ address: 'fd00:1::1', port: PORT }] },
])
// the dialled addresses answer by themselves, so that falling open would be seen
const world = await makeWorld(
  both.flatMap((protocol) =>
    [endpoint, ...services.map(({ address, port }) => ({ address, port }))].map((place) => ({ ...place, protocol })),
  ),
)
await world.apply(services)
const holder = world.holder()
let counter = 0

type Way = 'connect' | 'without waiting' | 'sendto' | 'fast open' | 'sendto over a connected socket'

async function refused(protocol: 'tcp' | 'udp', family: 'v4' | 'v6', address: string, way: Way): Promise<StepResult> {
  const name = `s${counter++}`
  const step = (one: SocketStep): Promise<StepResult> => holder.step(one)
  await step({ op: 'make', name, protocol, family })
  if (way === 'sendto over a connected socket')
    await step({ op: 'connect', name, address: family === 'v4' ? '10.1.0.1' : 'fd6b:6d65:7368::1', port: PORT })
  const result =
    way === 'connect' || way === 'without waiting'
      ? await step({ op: 'connect', name, address, port: 80, ...(way === 'connect' ? {} : { wait: false }) })
      : await step({ op: 'send', name, text: '?', to: [address, 80], ...(way === 'fast open' ? { flags: MSG_FASTOPEN } : {}) })
  await step({ op: 'close', name })
  return result
}

const WAYS: Readonly<Record<'tcp' | 'udp', readonly Way[]>> = {
  tcp: ['connect', 'without waiting', 'fast open'],
  udp: ['connect', 'sendto', 'sendto over a connected socket'],
}
const REASONS: Readonly<Record<string, string>> = { empty: 'no_endpoint', full: 'overflow', other: 'family' }

for (const { name, protocol, address } of services) {
  for (const family of address.includes(':') ? (['v6'] as const) : (['v4', 'v6'] as const)) {
    for (const way of WAYS[protocol]) {
      const reason = REASONS[name.split(' ')[1] as string] as string
      // a v6 socket reaches a v6 endpoint by connect()
      if (reason === 'family' && family === 'v6' && way !== 'sendto') continue
      test(`${name}, ${way} over a ${family} socket`, async () => {
        const before = counted(name, reason)
        assert.equal(await refused(protocol, family, address, way), { errno: 'ECONNREFUSED' })
        assert.is(counted(name, reason), before + 1, reason)
      })
    }
  }
}

function counted(cluster: string, reason: string): number {
  return world.status().clusters.find(({ name }) => name === cluster)?.failures[reason] ?? 0
}

test('nothing stays counted, nothing was given out', async () => {
  assert.equal(await world.settled(), {})
  assert.equal(
    world.status().clusters.map(({ connections }) => connections),
    services.map(() => 0),
  )
})

test.after(() => world.close())
test.run()
