/**
 * Pitfall 21: UDP sockets stick to a dead endpoint. Connected ones are released when their endpoint leaves; unconnected ones remember it in their own
 * storage, which nobody can evict, until it leaves.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apply } from '../../runtime/apply.ts'
import type { ApplyStep } from '../../runtime/apply-request.ts'
import { fillSources } from '../../runtime/fill-sources.ts'
import { machine } from '../../runtime/machine.ts'
import { noMachine } from '../kit/no-machine.ts'
import type { SocketHolder } from '../kit/sockets.ts'
import type { PitfallService } from './services.ts'
import { compiled, makeWorld } from './world.ts'

const PORT = 29220
const endpoints = [1, 2, 3].map((number) => ({ address: `10.1.0.${number}`, port: PORT }))
const SERVICE = { four: '10.96.0.1', six: 'fd00:96::1' } as const
const endpoints6 = [1, 2, 3].map((number) => ({ address: `fd00:1::${number}`, port: PORT }))
const services = (left: readonly number[]): readonly PitfallService[] => [
  { name: 'four', protocol: 'udp', address: SERVICE.four, port: 53, endpoints: endpoints.filter((_, index) => left.includes(index)) },
  { name: 'six', protocol: 'udp', address: SERVICE.six, port: 53, endpoints: endpoints6.filter((_, index) => left.includes(index)) },
]
const world = await makeWorld([...endpoints, ...endpoints6].map((place) => ({ ...place, protocol: 'udp' })))
const host = machine({ foreign: 'refuse', existing: 'count' })
const holder = world.holder()

interface Client {
  readonly name: string
  readonly family: 'v4' | 'v6'
  readonly service: string
  readonly way: 'connect' | 'sendto'
}

const KINDS = (['connect', 'sendto'] as const).flatMap((way): readonly Omit<Client, 'name'>[] => [
  { way, family: 'v4', service: SERVICE.four },
  { way, family: 'v6', service: SERVICE.four },
  { way, family: 'v6', service: SERVICE.six },
])
/** Enough of each that every endpoint has some. */
const EACH = 9
const clients: readonly Client[] = KINDS.flatMap((kind, index) =>
  Array.from({ length: EACH }, (_, number): Client => ({ ...kind, name: `${index}-${number}` })),
)

async function open(socketHolder: SocketHolder, { name, family, service, way }: Client): Promise<void> {
  await socketHolder.step({ op: 'make', name, protocol: 'udp', family })
  if (way === 'connect') assert.equal(await socketHolder.step({ op: 'connect', name, address: service, port: 53 }), { ok: null })
}

/** Who answers a datagram, or the errno of send() or receive(). */
async function ask(socketHolder: SocketHolder, { name, service, way }: Client): Promise<string> {
  const sent = await socketHolder.step({ op: 'send', name, text: '?', ...(way === 'sendto' && { to: [service, 53] as const }) })
  if ('errno' in sent) return sent.errno
  const got = await socketHolder.step({ op: 'receive', name })
  return 'ok' in got ? String((got.ok as readonly unknown[])[0]).trim() : got.errno
}

const text = ({ address, port }: { readonly address: string; readonly port: number }): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
const GONE = [endpoints[0], endpoints6[0]].map((place) => text(place as { address: string; port: number }))

test('affinity lasts over applies; when an endpoint leaves, its sockets and no others go elsewhere', async () => {
  await world.apply(services([0, 1, 2]), { host })
  const first = new Map<string, string>()
  for (const client of clients) {
    await open(holder, client)
    first.set(client.name, await ask(holder, client))
  }
  assert.is(new Set(first.values()).size, 6, 'every endpoint has some')
  assert.equal((await world.apply(services([2, 1, 0]), { host })).sockets.released, 0)
  for (const client of clients) assert.is(await ask(holder, client), first.get(client.name), client.name)

  const stuck = clients.filter(({ name, way }) => way === 'connect' && GONE.includes(first.get(name) as string))
  assert.equal((await world.apply(services([1, 2]), { host })).sockets.released, stuck.length)
  for (const client of clients) {
    const before = first.get(client.name) as string
    if (!GONE.includes(before)) {
      assert.is(await ask(holder, client), before, client.name)
      continue
    }
    if (client.way === 'connect') {
      assert.equal(await holder.step({ op: 'receive', name: client.name }), { errno: 'ECONNABORTED' })
      assert.is(await ask(holder, client), 'EDESTADDRREQ')
      assert.equal(await holder.step({ op: 'connect', name: client.name, address: client.service, port: 53 }), { ok: null })
    }
    const after = await ask(holder, client)
    assert.ok(after.includes(`:${PORT}`) && !GONE.includes(after), `${client.name} reached ${after}`)
    assert.is(await ask(holder, client), after)
  }
  for (const { name } of clients) await holder.step({ op: 'close', name })
  assert.equal(await world.settled(), {})
})

for (const last of ['settle', 'sockets'] as const) {
  test(`an apply that was cut off after its switch, at ${last}: the next one releases what it did not`, () => cutOff(last))
}

async function cutOff(last: ApplyStep): Promise<void> {
  await world.apply(services([0, 1, 2]), { host })
  const connected = clients.filter(({ service }) => service === SERVICE.four)
  const first = new Map<string, string>()
  for (const client of connected) {
    await open(holder, client)
    first.set(client.name, await ask(holder, client))
  }
  const { artifact } = await compiled(services([1, 2]))
  const request = { artifact, instance: world.instance, diverted: 'refuse', mode: 'apply' } as const
  // what follows the switch never fails an apply, so this is like a kill there: nothing is retired, nobody is released
  let isOver = false
  await apply({
    ...request,
    host: noMachine({ fillSources }),
    steps: (step) => {
      isOver ||= step === last
      if (isOver) throw new Error('cut off')
    },
  })
  const { sockets } = await apply({ ...request, host })
  const stuck = connected.filter(({ name, way }) => way === 'connect' && GONE.includes(first.get(name) as string))
  assert.is(sockets.released, stuck.length)
  for (const client of connected) {
    if (client.way === 'sendto') assert.not(GONE.includes(await ask(holder, client)), client.name)
    await holder.step({ op: 'close', name: client.name })
  }
  assert.equal(await world.settled(), {})
}

test('two thousand sockets with an affinity each: none evicts another', async () => {
  await world.apply(services([0, 1, 2]), { host })
  const dialer = world.dialer()
  const before = world.status().clusters.find(({ name }) => name === 'four')?.connections ?? 0
  await dialer.dial({ protocol: 'udp', datagram: 'sendto', address: SERVICE.four, port: 53, count: 500, hold: 'many' })
  const one: Client = { name: 'one', family: 'v4', service: SERVICE.four, way: 'sendto' }
  await open(holder, one)
  const place = await ask(holder, one)
  await dialer.dial({ protocol: 'udp', datagram: 'sendto', address: SERVICE.four, port: 53, count: 1500, hold: 'many' })
  for (let round = 0; round < 3; round++) assert.is(await ask(holder, one), place)
  const cluster = world.status().clusters.find(({ name }) => name === 'four')
  assert.equal([cluster?.active, (cluster?.connections ?? 0) - before], [2001, 2001])
  await dialer.release('many')
  await holder.step({ op: 'close', name: 'one' })
  assert.equal(await world.settled(), {})
})

test.after(() => world.close())
test.run()
