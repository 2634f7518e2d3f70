/**
 * Pitfall 12: the last test of a run. After everything that the others did, and a little more under load here, the kernel has not complained.
 * `scripts/run-tests.ts` says where the log ended when the run began; alone, this test looks at what it does itself.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { complaintsSince, lastRecord, readKernelLog } from './kit/kernel-log.ts'
import type { PitfallService } from './pitfalls/services.ts'
import { startStorm } from './pitfalls/storm.ts'
import { makeWorld } from './pitfalls/world.ts'

const PORT = 29500
const A = { address: '10.1.0.1', port: PORT }
const B = { address: '10.1.0.2', port: PORT }
const before = lastRecord()
const services = (endpoints: PitfallService['endpoints']): readonly PitfallService[] =>
  (['tcp', 'udp'] as const).map((protocol) => ({ name: protocol, protocol, address: '10.96.0.1', port: 80, endpoints }))

test('the kernel log can be read', () => {
  assert.type(before, 'number')
})

test('storms and datagrams, while generations come and go and sockets end with their cgroup', async () => {
  const world = await makeWorld([A, B].flatMap((place) => (['tcp', 'udp'] as const).map((protocol) => ({ ...place, protocol }))))
  await world.apply(services([A]))
  const storm = startStorm(world.place)
  const dialer = world.dialer()
  const running = { is: true }
  const clients = [
    (async () => {
      for (const way of ['abandon', 'reset', 'hold', 'disconnect'] as const)
        await storm.run({ way, address: '10.96.0.1', port: 80, family: 'v6', threads: 8, seconds: 0.5 })
      running.is = false
    })(),
    (async () => {
      for (let index = 0; running.is; index++) {
        const datagram = index % 2 === 0 ? 'sendto' : 'connect'
        await dialer.dial({
          protocol: 'udp',
          address: '10.96.0.1',
          port: 80,
          count: 50,
          datagram,
          ...(index % 3 === 0 && { hold: 'some' }),
        })
        if (index % 10 === 9) await dialer.release('some')
      }
    })(),
  ]
  for (let round = 0; running.is; round++) await world.apply(services([[A], [A, B], [B]][round % 3] as PitfallService['endpoints']))
  await Promise.all(clients)
  storm.stop()
  dialer.stop()
  assert.equal(await world.settled(), {})
  world.close()
})

test('it holds no new complaint', () => {
  const began = process.env.KMESH_LOG_BEGAN || before
  // after a long run the first records may be gone: then the rest counts
  assert.equal(
    complaintsSince(readKernelLog(), Number(began)).map(({ text }) => text),
    [],
  )
})

test.run()
