/**
 * Clients that do not wait for answers get them in order and whole, while workers of the kernel have to wait for a CPU again and again: what they carry into a client's queue is late then, and
 * nothing that is said later may be there before. Softirqs of that CPU go on, and receive half of what comes from servers elsewhere.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fallsOf, fallsSince } from '../bench-http/falls.ts'
import { run, start } from '../kit/process.ts'
import { python } from '../kit/python.ts'
import { type Incident, runClients } from './clients.ts'
import { SERVICES } from './resources.ts'
import { makeSoakWorld, type SoakWorld } from './world.ts'

const SECONDS = 12
/** Milliseconds. */
const HOGGED = 12
const FREE = 30
const HOG = new URL('hog.py', import.meta.url).pathname
/** by flow, on both CPUs */
const SPREAD = 'mount -t sysfs none /sys && echo 3 > /sys/class/net/soak0/queues/rx-0/rps_cpus'

let world: SoakWorld

async function clientsOf(
  name: 'node' | 'other',
  ways: readonly string[],
): Promise<readonly [done: number, incidents: readonly Incident[]]> {
  const incidents: Incident[] = []
  const service = SERVICES.find((one) => one.name === name) as (typeof SERVICES)[number]
  const load = { service, tag: name, threads: 8, rate: 120, seconds: SECONDS, seed: 3, ways }
  const done = await runClients(world.places[0] as SoakWorld['places'][number], load, (incident) => incidents.push(incident))
  return [Object.values(done.ways).reduce((sum, count) => sum + count, 0), incidents]
}

test.before(async () => {
  world = await makeSoakWorld(`kms-order-${process.pid}`)
  run(['unshare', '--mount', 'sh', '-c', SPREAD], world.places[0])
})

for (const name of ['other', 'node'] as const) {
  test(`requests that do not wait for answers (${name})`, async () => {
    const hog = start([python(), HOG, '0', String(HOGGED), String(FREE), String(SECONDS)], {}, 'ignore')
    await pause(100)
    const falls = fallsOf(world.name)
    const [done, incidents] = await clientsOf(name, ['spaced', 'pipelined', 'half', 'closing'])
    hog.kill('SIGKILL')
    assert.equal(incidents, [])
    assert.ok(done > 50, `${done}`)
    const { pipelined } = fallsSince(falls, fallsOf(world.name))
    assert.ok((pipelined ?? 0) > 10, `${pipelined}`)
  })
}

test('clients that wait for each answer stay in the kernel', async () => {
  const falls = fallsOf(world.name)
  const [done, incidents] = await clientsOf('other', ['plain'])
  assert.equal(incidents, [])
  const { pipelined } = fallsSince(falls, fallsOf(world.name))
  assert.ok((pipelined ?? 0) < done / 100, `${pipelined} of ${done}`)
})

test('nothing stays taken', async () => {
  assert.equal(await world.settled(), [])
})

test.after(() => world.end())
test.run()
