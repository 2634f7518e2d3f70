/**
 * Pitfall 17: a socket outlives its connection. connect(AF_UNSPEC) and a new connect keep the socket, its cookie and its storage; each begins
 * from nothing, and after a connect that was left alone the client sees the true peer.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SocketStep } from '../kit/sockets.ts'
import type { PitfallService } from './services.ts'
import { LOST, makeWorld } from './world.ts'

const PORT = 29170
const both = ['tcp', 'udp'] as const
const A = { address: '10.1.0.1', port: PORT } as const
const B = { address: '10.1.0.2', port: PORT } as const
/** Nobody's service: left alone. */
const RAW = { address: '10.3.0.1', port: 80 } as const
const SERVICE = { a: '10.96.0.1', b: '10.96.0.2', empty: '10.96.0.3', lost: '10.96.0.4' } as const
const services = both.flatMap((protocol): readonly PitfallService[] => [
  { name: `${protocol} a`, protocol, address: SERVICE.a, port: 80, endpoints: [A] },
  { name: `${protocol} b`, protocol, address: SERVICE.b, port: 80, endpoints: [B] },
  { name: `${protocol} empty`, protocol, address: SERVICE.empty, port: 80, endpoints: [] },
  { name: `${protocol} lost`, protocol, address: SERVICE.lost, port: 80, endpoints: [{ address: LOST.v4, port: PORT }] },
])
const world = await makeWorld(both.flatMap((protocol) => [A, B, RAW].map((place) => ({ ...place, protocol }))))
await world.apply(services)
const holder = world.holder()

/** Steps on one socket, each with what it must give. */
type Expected = readonly [step: object, result: unknown]
let counter = 0

async function play(protocol: 'tcp' | 'udp', family: 'v4' | 'v6', steps: readonly Expected[]): Promise<void> {
  const name = `s${counter++}`
  await holder.step({ op: 'make', name, protocol, family })
  try {
    for (const [index, [step, result]] of steps.entries()) {
      if ('live' in step) assert.equal(world.live(), result, `live after step ${index}`)
      else assert.equal(await holder.step({ name, ...step } as SocketStep), result, `step ${index}: ${JSON.stringify(step)}`)
    }
  } finally {
    await holder.step({ op: 'close', name })
  }
  assert.equal(await world.settled(), {})
}

const ok = { ok: null }
const refused = { errno: 'ECONNREFUSED' }
const connect = (address: string, how: { readonly wait?: false } = {}) => ({ op: 'connect', address, port: 80, ...how })
const disconnect = { op: 'disconnect' }
const peer = { op: 'peer' }
const live = { live: 'now' }
const at = (cluster: string, { address, port }: { readonly address: string; readonly port: number }) => ({
  [cluster]: 1,
  [`${cluster} ${address}:${port}`]: 1,
})
const seen = (family: 'v4' | 'v6', address: string, port = 80) => ({
  ok: family === 'v4' ? `${address}:${port}` : `[::ffff:${address}]:${port}`,
})

for (const family of ['v4', 'v6'] as const) {
  test(`TCP over a ${family} socket: AF_UNSPEC, then another service, then what is left alone`, () =>
    play('tcp', family, [
      [connect(SERVICE.a), ok],
      [live, at('tcp a', A)],
      [peer, seen(family, SERVICE.a)],
      [disconnect, ok],
      [live, {}],
      [peer, { errno: 'ENOTCONN' }],
      [connect(SERVICE.b), ok],
      [live, at('tcp b', B)],
      [peer, seen(family, SERVICE.b)],
      [disconnect, ok],
      [connect(RAW.address), ok],
      [live, {}],
      [peer, seen(family, RAW.address)],
      [disconnect, ok],
      // the endpoint of before, dialled by its own address
      [{ op: 'connect', ...A }, ok],
      [peer, seen(family, A.address, PORT)],
    ]))

  test(`TCP over a ${family} socket: a second connect changes nothing`, () =>
    play('tcp', family, [
      [connect(SERVICE.a), ok],
      // the kernel tells the end of a connect() that was waited for with poll()
      [connect(SERVICE.b), ok],
      [connect(SERVICE.b), { errno: 'EISCONN' }],
      [connect(RAW.address), { errno: 'EISCONN' }],
      [live, at('tcp a', A)],
      [peer, seen(family, SERVICE.a)],
    ]))

  test(`TCP over a ${family} socket: refused, then let in`, () =>
    play('tcp', family, [
      [connect(SERVICE.empty), refused],
      [live, {}],
      [connect(SERVICE.a), ok],
      [live, at('tcp a', A)],
      [peer, seen(family, SERVICE.a)],
      [disconnect, ok],
      [connect(SERVICE.empty), refused],
      [connect(RAW.address), ok],
      [peer, seen(family, RAW.address)],
    ]))

  test(`TCP over a ${family} socket: given up in SYN_SENT, then another`, () =>
    play('tcp', family, [
      [connect(SERVICE.lost, { wait: false }), ok],
      [live, at('tcp lost', { address: LOST.v4, port: PORT })],
      [connect(SERVICE.a, { wait: false }), { errno: 'EALREADY' }],
      [live, at('tcp lost', { address: LOST.v4, port: PORT })],
      [disconnect, ok],
      [live, {}],
      [connect(SERVICE.a), ok],
      [live, at('tcp a', A)],
      [peer, seen(family, SERVICE.a)],
    ]))

  const ask = { op: 'send', text: '?' }
  const to = (address: string) => ({ ...ask, to: [address, 80] })
  const receive = { op: 'receive' }
  const answer = (from: { readonly address: string; readonly port: number }, as: string) => ({
    ok: [`${from.address}:${from.port}\n`, seen(family, as).ok],
  })

  test(`UDP over a ${family} socket: connected again and again`, () =>
    play('udp', family, [
      [connect(SERVICE.a), ok],
      [live, at('udp a', A)],
      [ask, { ok: 1 }],
      [receive, answer(A, SERVICE.a)],
      [connect(SERVICE.b), ok],
      [live, at('udp b', B)],
      [peer, seen(family, SERVICE.b)],
      [ask, { ok: 1 }],
      [receive, answer(B, SERVICE.b)],
      [connect(RAW.address), ok],
      [live, {}],
      [peer, seen(family, RAW.address)],
      [ask, { ok: 1 }],
      [receive, answer(RAW, RAW.address)],
    ]))

  test(`UDP over a ${family} socket: disconnected, then without a connection, then connected`, () =>
    play('udp', family, [
      [connect(SERVICE.a), ok],
      [disconnect, ok],
      [to(SERVICE.b), { ok: 1 }],
      // what the disconnected socket held is given back when it is next used
      [live, at('udp b', B)],
      [receive, answer(B, SERVICE.b)],
      [to(SERVICE.a), { ok: 1 }],
      [receive, answer(A, SERVICE.a)],
      [live, { ...at('udp a', A), ...at('udp b', B) }],
      [to(RAW.address), { ok: 1 }],
      [receive, answer(RAW, RAW.address)],
      [connect(SERVICE.b), ok],
      [peer, seen(family, SERVICE.b)],
      [ask, { ok: 1 }],
      [receive, answer(B, SERVICE.b)],
    ]))

  test(`UDP over a ${family} socket: connected here, a datagram there`, () =>
    play('udp', family, [
      [connect(SERVICE.a), ok],
      [to(SERVICE.a), { ok: 1 }],
      [receive, answer(A, SERVICE.a)],
      [live, at('udp a', A)],
      // its answer is not from the peer: the kernel drops it; the one of the peer comes
      [to(SERVICE.b), { ok: 1 }],
      [ask, { ok: 1 }],
      [receive, answer(A, SERVICE.a)],
      [peer, seen(family, SERVICE.a)],
      [to(SERVICE.empty), refused],
      [ask, { ok: 1 }],
      [receive, answer(A, SERVICE.a)],
      [disconnect, ok],
      [peer, { errno: 'ENOTCONN' }],
    ]))

  test(`UDP over a ${family} socket: refused, then let in`, () =>
    play('udp', family, [
      [connect(SERVICE.empty), refused],
      [to(SERVICE.empty), refused],
      [live, {}],
      [connect(SERVICE.a), ok],
      [live, at('udp a', A)],
      [ask, { ok: 1 }],
      [receive, answer(A, SERVICE.a)],
    ]))

  // the kernel keeps the first peer; what is forgotten is only that it was asked for by another address
  test(`UDP over a ${family} socket: after a second connect that is refused it sees its endpoint as it is`, () =>
    play('udp', family, [
      [connect(SERVICE.a), ok],
      [connect(SERVICE.empty), refused],
      [live, {}],
      [peer, seen(family, A.address, PORT)],
      [ask, { ok: 1 }],
      [receive, { ok: [`${A.address}:${PORT}\n`, seen(family, A.address, PORT).ok] }],
    ]))
}

test.after(() => world.close())
test.run()
