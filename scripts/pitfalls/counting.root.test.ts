/**
 * Live counts: each connection is counted once and given back once, however it ends; everything ends at exactly 0. Steps of single sockets here,
 * storms in storms.root.test.ts.
 */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kindOf, op, probeProgram } from '../../runtime/sys/bpf-probe.ts'
import { createLink, type HookName } from '../../runtime/sys/libbpf-link.ts'
import type { SocketStep } from '../kit/sockets.ts'
import type { PitfallService } from './services.ts'
import { LOST, makeWorld } from './world.ts'

const PORT = 29200
const A = { address: '10.1.0.1', port: PORT }
const A6 = { address: 'fd00:1::1', port: PORT }
const SERVICE = {
  a: '10.96.0.1',
  lost: '10.96.0.2',
  closed: '10.96.0.3',
  unreachable: '10.96.0.4',
  one: '10.96.0.5',
  six: 'fd00:96::1',
} as const
const both = ['tcp', 'udp'] as const
const services = both.flatMap((protocol): readonly PitfallService[] => [
  { name: `${protocol} a`, protocol, address: SERVICE.a, port: 80, endpoints: [A] },
  { name: `${protocol} six`, protocol, address: SERVICE.six, port: 80, endpoints: [A6] },
  { name: `${protocol} one`, protocol, address: SERVICE.one, port: 80, endpoints: [A], maxConnections: 1 },
  { name: `${protocol} lost`, protocol, address: SERVICE.lost, port: 80, endpoints: [{ address: LOST.v4, port: PORT }] },
  { name: `${protocol} closed`, protocol, address: SERVICE.closed, port: 80, endpoints: [{ ...A, port: PORT + 1 }] },
  // the namespace prohibits what is not local
  { name: `${protocol} unreachable`, protocol, address: SERVICE.unreachable, port: 80, endpoints: [{ address: '10.9.9.9', port: PORT }] },
])
const world = await makeWorld(both.flatMap((protocol) => [A, A6].map((place) => ({ ...place, protocol }))))
await world.apply(services)
const holder = world.holder()
const ok = { ok: null }
const IPPROTO_TCP = 6
const TCP_FASTOPEN_CONNECT = 30
const TCP_FASTOPEN_NO_COOKIE = 34

async function step(one: SocketStep, expected: unknown = ok): Promise<void> {
  assert.equal(await holder.step(one), expected, JSON.stringify(one))
}

let counter = 0
async function made(protocol: 'tcp' | 'udp' | 'mptcp', bind?: readonly [string, number], family: 'v4' | 'v6' = 'v4'): Promise<string> {
  const name = `s${counter++}`
  await step({ op: 'make', name, protocol, family, ...(bind && { bind }) })
  return name
}

/** Failures of a cluster's one endpoint, by reason. */
function failures(cluster: string): Readonly<Record<string, number>> {
  return world.status().clusters.find(({ name }) => name === cluster)?.endpoints[0]?.failures ?? {}
}

const one = (cluster: string, place: string) => ({ [cluster]: 1, [`${cluster} ${place}`]: 1 })
const at = (cluster: string) => one(cluster, `${A.address}:${A.port}`)
const atLost = one('tcp lost', `${LOST.v4}:${PORT}`)
const dial = (name: string, address: string, how: { readonly wait?: false } = {}) =>
  ({ op: 'connect', name, address, port: 80, ...how }) as const

test('close and abort of a connection that stands', async () => {
  for (const op of ['close', 'abort'] as const) {
    for (const protocol of both) {
      const name = await made(protocol)
      await step(dial(name, SERVICE.a))
      assert.equal(world.live(), at(`${protocol} a`))
      await step({ op, name })
      assert.equal(await world.settled(), {}, op)
    }
  }
  assert.equal(failures('tcp a'), {})
})

test('close in SYN_SENT is an abortion', async () => {
  const name = await made('tcp')
  await step(dial(name, SERVICE.lost, { wait: false }))
  assert.equal(world.live(), atLost)
  await step({ op: 'close', name })
  assert.equal(await world.settled(), {})
  assert.equal(failures('tcp lost'), { aborted: 1 })
})

test('abort in SYN_SENT, too', async () => {
  const name = await made('tcp')
  await step(dial(name, SERVICE.lost, { wait: false }))
  await step({ op: 'abort', name })
  assert.equal(await world.settled(), {})
  assert.equal(failures('tcp lost'), { aborted: 2 })
})

test('the endpoint refuses: connect_failed, and the same socket may try again', async () => {
  const name = await made('tcp')
  for (const count of [1, 2]) {
    await step(dial(name, SERVICE.closed), { errno: 'ECONNREFUSED' })
    assert.equal(world.live(), {})
    assert.equal(failures('tcp closed'), { connect_failed: count })
    await step({ op: 'disconnect', name })
  }
  await step(dial(name, SERVICE.a))
  assert.equal(world.live(), at('tcp a'))
  await step({ op: 'close', name })
  assert.equal(await world.settled(), {})
})

test('no route to the endpoint: connect() fails behind the hook, not_attempted', async () => {
  const name = await made('tcp')
  await step(dial(name, SERVICE.unreachable), { errno: 'EACCES' })
  // what it held is given back by the next connect
  await step(dial(name, SERVICE.a))
  assert.equal(world.live(), at('tcp a'))
  assert.equal(failures('tcp unreachable'), { not_attempted: 1 })
  await step({ op: 'close', name })
  const last = await made('tcp')
  await step(dial(last, SERVICE.unreachable), { errno: 'EACCES' })
  await step({ op: 'close', name: last })
  assert.equal(await world.settled(), {})
  assert.equal(failures('tcp unreachable'), { not_attempted: 2 })
})

test('the local port is taken: connect() fails after SYN_SENT, not_attempted', async () => {
  const bind = ['172.31.255.1', 29299] as const
  const [first, second] = [await made('tcp', bind), await made('tcp', bind)]
  await step(dial(first, SERVICE.a))
  await step(dial(second, SERVICE.a), { errno: 'EADDRNOTAVAIL' })
  await step({ op: 'close', name: second })
  assert.equal(world.live(), at('tcp a'))
  assert.equal(failures('tcp a'), { not_attempted: 1 })
  await step({ op: 'abort', name: first })
  assert.equal(await world.settled(), {})
})

for (const [order, verdict] of [
  ['after ours', 'given back'],
  ['before ours', 'never counted'],
] as const) {
  test(`another program ${order} refuses: EPERM, ${verdict}`, async () => {
    const before = failures('tcp a').not_attempted ?? 0
    // a child's programs run before its parent's
    const place = order === 'after ours' ? world.cgroup.path : world.cgroup.child('below')
    const end = denied(place, 'connect4')
    if (order === 'before ours') writeFileSync(join(place, 'cgroup.procs'), String(holder.pid))
    for (const protocol of both) {
      const name = await made(protocol)
      await step(dial(name, SERVICE.a), { errno: 'EPERM' })
      await step({ op: 'close', name })
    }
    end()
    if (order === 'before ours') writeFileSync(join(world.cgroup.path, 'cgroup.procs'), String(holder.pid))
    assert.equal(await world.settled(), {})
    assert.is((failures('tcp a').not_attempted ?? 0) - before, order === 'after ours' ? 1 : 0)
  })
}

function denied(cgroup: string, hook: HookName): () => void {
  const program = probeProgram(kindOf(hook), [op.set(0, 0), op.exit()], 'kmp_deny')
  if (program.kind === 'refused') throw program.error
  const directory = openSync(cgroup, 'r')
  const link = createLink(program.fd, directory, hook)
  closeSync(directory)
  closeSync(program.fd)
  return () => closeSync(link)
}

test('a socket that a child inherited counts until the last holder is gone', async () => {
  for (const protocol of both) {
    const parent = world.holder()
    await parent.step({ op: 'make', name: 'a', protocol, family: 'v4' })
    assert.equal(await parent.step(dial('a', SERVICE.a)), ok)
    const child = await parent.step({ op: 'fork' })
    assert.equal(await parent.step({ op: 'close', name: 'a' }), ok)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(world.live(), at(`${protocol} a`), protocol)
    process.kill('ok' in child ? Number(child.ok) : 0, 'SIGKILL')
    assert.equal(await world.settled(), {}, protocol)
    parent.stop()
  }
})

test('a killed process gives everything back, also what was in SYN_SENT', async () => {
  const doomed = world.holder()
  const each = [
    ['tcp', 'v4', SERVICE.a],
    ['tcp', 'v6', SERVICE.a],
    ['tcp', 'v6', SERVICE.six],
    ['tcp', 'v4', SERVICE.lost],
    ['udp', 'v4', SERVICE.a],
    ['udp', 'v6', SERVICE.six],
  ] as const
  for (const [index, [protocol, family, address]] of each.entries()) {
    await doomed.step({ op: 'make', name: `${index}`, protocol, family })
    assert.equal(await doomed.step(dial(`${index}`, address, address === SERVICE.lost ? { wait: false } : {})), ok)
  }
  assert.is(Object.keys(world.live()).length, 10)
  doomed.stop()
  assert.equal(await world.settled(), {})
})

test('fast open: a connect() that is put off until the first bytes, and never sends any', async () => {
  const before = failures('tcp a').not_attempted ?? 0
  for (const end of ['close', 'disconnect'] as const) {
    const name = await made('tcp')
    await step({ op: 'set', name, level: IPPROTO_TCP, option: TCP_FASTOPEN_NO_COOKIE, value: 1 })
    await step({ op: 'set', name, level: IPPROTO_TCP, option: TCP_FASTOPEN_CONNECT, value: 1 })
    await step(dial(name, SERVICE.a))
    assert.equal(world.live(), at('tcp a'))
    await step({ op: end, name })
    if (end === 'disconnect') await step({ op: 'close', name })
    assert.equal(await world.settled(), {}, end)
  }
  assert.is((failures('tcp a').not_attempted ?? 0) - before, 2)
})

test('MPTCP: however it ends', async () => {
  for (const [address, wait, errno] of [
    [SERVICE.a, undefined, undefined],
    [SERVICE.lost, false, undefined],
    [SERVICE.closed, undefined, 'ECONNREFUSED'],
    [SERVICE.six, undefined, undefined],
  ] as const) {
    for (const end of ['close', 'abort', 'disconnect'] as const) {
      const name = await made('mptcp', undefined, address === SERVICE.six ? 'v6' : 'v4')
      await step(dial(name, address, wait === undefined ? {} : { wait }), errno === undefined ? ok : { errno })
      await step({ op: end, name })
      if (end === 'disconnect') await step({ op: 'close', name })
      assert.equal(await world.settled(), {}, `${address} ${end}`)
    }
  }
})

test('max_connections 1: a place is free again at once, and never given out twice', async () => {
  for (const protocol of both) {
    const [first, second] = [await made(protocol), await made(protocol)]
    for (let round = 0; round < 3; round++) {
      await step(dial(first, SERVICE.one))
      await step(dial(second, SERVICE.one), { errno: 'ECONNREFUSED' })
      if (protocol === 'tcp') await step({ op: 'disconnect', name: first })
      // a UDP socket gives its place back when it connects elsewhere
      else await step(dial(first, SERVICE.a))
    }
    for (const name of [first, second]) await step({ op: 'close', name })
    assert.equal(await world.settled(), {})
  }
})

test('more UDP destinations than a socket remembers: the oldest are forgotten and given back', async () => {
  const many = Array.from({ length: 6 }, (_, index): PitfallService => {
    const address = `10.96.1.${index + 1}`
    return { name: `flow ${index}`, protocol: 'udp', address, port: 53, endpoints: [{ address: '10.1.0.1', port: PORT + 10 + index }] }
  })
  const servers = await world.listen(many.flatMap(({ endpoints }) => endpoints.map((place) => ({ ...place, protocol: 'udp' as const }))))
  await world.apply([...services, ...many])
  const name = await made('udp')
  for (let round = 0; round < 3; round++) {
    for (const [index, { address }] of many.entries()) {
      await step({ op: 'send', name, text: '?', to: [address, 53] }, { ok: 1 })
      await step({ op: 'receive', name }, { ok: [`10.1.0.1:${PORT + 10 + index}\n`, `${address}:53`] })
      assert.ok(Object.keys(world.live()).length <= 8, 'four clusters and four endpoints')
    }
  }
  // a late answer of a flow that is forgotten still arrives, from the address that it has
  for (const { address } of many.slice(0, 5)) await step({ op: 'send', name, text: '?', to: [address, 53] }, { ok: 1 })
  const senders: unknown[] = []
  for (let index = 0; index < 5; index++) {
    const answer = await holder.step({ op: 'receive', name })
    senders.push('ok' in answer ? (answer.ok as readonly unknown[])[1] : answer.errno)
  }
  assert.equal(senders, [`10.1.0.1:${PORT + 10}`, ...many.slice(1, 5).map(({ address }) => `${address}:53`)])
  await step({ op: 'close', name })
  assert.equal(await world.settled(), {})
  servers.stop()
  await world.apply(services)
})

test.after(() => world.close())
test.run()
