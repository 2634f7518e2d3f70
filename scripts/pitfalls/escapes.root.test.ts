/**
 * Pitfall 18: the socket's cgroup decides, not the task's. Each way past the programs is counted by a real apply, and destroyed on demand; ways
 * that look like one and are none (fast open, MPTCP) are governed.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { machine } from '../../runtime/machine.ts'
import { run } from '../kit/process.ts'
import type { SocketHolder, SocketStep } from '../kit/sockets.ts'
import type { PitfallService } from './services.ts'
import { makeWorld } from './world.ts'

const PORT = 29180
const SERVICE = { address: '10.96.0.1', port: 80 } as const
const A = { address: '10.1.0.1', port: PORT } as const
const JOINED = { address: '10.1.0.5', port: PORT + 1 } as const
const both = ['tcp', 'udp'] as const
const services: readonly PitfallService[] = [
  ...both.map((protocol): PitfallService => ({ name: protocol, protocol, ...SERVICE, endpoints: [A] })),
  { name: 'multipath', protocol: 'tcp', address: '10.96.0.2', port: 80, endpoints: [JOINED] },
]
/** The service address answers itself: whoever escaped reaches it. */
const world = await makeWorld(both.flatMap((protocol) => [SERVICE, A].map((place) => ({ ...place, protocol }))))
const outside = { namespace: world.namespace.path }
const ok = { ok: null }
const IPPROTO_TCP = 6
const TCP_FASTOPEN = 23
const TCP_FASTOPEN_CONNECT = 30
const TCP_FASTOPEN_NO_COOKIE = 34
const MSG_FASTOPEN = 0x20000000

const step = async (holder: SocketHolder, one: SocketStep, expected: unknown = ok): Promise<void> =>
  assert.equal(await holder.step(one), expected, JSON.stringify(one))

async function reaches(holder: SocketHolder, name: string): Promise<string> {
  await holder.step({ op: 'send', name, text: '?' })
  const answer = await holder.step({ op: 'receive', name })
  // a server over TCP says its name when it accepts, too
  return 'ok' in answer
    ? (String((answer.ok as readonly unknown[])[0])
        .trim()
        .split('\n')
        .at(-1) as string)
    : answer.errno
}

const RAW = `${SERVICE.address}:${SERVICE.port}`

async function connected(holder: SocketHolder, name: string, protocol: 'tcp' | 'udp'): Promise<void> {
  await step(holder, { op: 'make', name, protocol, family: 'v4' })
  await step(holder, { op: 'connect', name, ...SERVICE })
  if (protocol === 'tcp') await greeted(holder, name)
}

/** A server over TCP says its name when it accepts, too. */
async function greeted(holder: SocketHolder, name: string): Promise<void> {
  assert.ok('ok' in (await holder.step({ op: 'receive', name })))
}

/** Each leaves one TCP and one connected UDP socket of a governed process that lead to the raw service address. */
const FORMS: Readonly<Record<string, { readonly kind: string; readonly make: () => Promise<readonly SocketHolder[]> }>> = {
  'a connection older than the programs': {
    kind: 'open-before',
    make: async () => {
      const holder = world.holder()
      for (const protocol of both) await connected(holder, protocol, protocol)
      return [holder]
    },
  },
  'a socket older than its process in the cgroup': {
    kind: 'moved',
    make: async () => {
      const holder = world.holder('outside')
      for (const protocol of both) await connected(holder, protocol, protocol)
      await step(holder, { op: 'join', cgroup: world.cgroup.path })
      return [holder]
    },
  },
  'a socket that was passed in': {
    kind: 'inherited',
    make: async () => {
      const giver = world.holder('outside')
      const taker = world.holder()
      for (const protocol of both) {
        await connected(giver, protocol, protocol)
        const to = `kmp-${process.pid}-${protocol}`
        await step(giver, { op: 'offer', name: protocol, to })
        await step(taker, { op: 'take', from: to, as: protocol })
      }
      return [taker, giver]
    },
  },
}

for (const [title, { kind, make }] of Object.entries(FORMS)) {
  test(`${title} counts as ${kind}, and is destroyed on demand`, async () => {
    if (kind !== 'open-before') await world.apply(services)
    const holders = await make()
    const [governed] = holders as readonly [SocketHolder]
    const counted = await world.apply(services, { host: machine({ foreign: 'refuse', existing: 'count' }) })
    assert.equal(counted.sockets, { released: 0, escaped: 2, destroyed: 0 })
    const finding = counted.warnings.find(({ code }) => code === 'KM9117')
    assert.match(finding?.message ?? '', new RegExp(`^2 live sockets are not governed: 2 ${kind}; held by .*\\(${governed.pid}\\)`))
    for (const protocol of both) assert.is(await reaches(governed, protocol), RAW, 'it escaped, and lives on')
    const reset = await world.apply(services, { host: machine({ foreign: 'refuse', existing: 'reset' }) })
    assert.equal(reset.sockets, { released: 0, escaped: 2, destroyed: 2 })
    for (const protocol of both) assert.is.not(await reaches(governed, protocol), RAW, protocol)
    // a destroyed UDP socket can still be used, and one that was made outside is no more governed than before
    const after = await world.apply(services, { host: machine({ foreign: 'refuse', existing: 'count' }) })
    assert.is(after.sockets.escaped, kind === 'open-before' ? 0 : 1)
    await step(governed, { op: 'connect', name: 'udp', ...SERVICE })
    assert.is(await reaches(governed, 'udp'), kind === 'open-before' ? `${A.address}:${A.port}` : RAW)
    for (const holder of holders) holder.stop()
    assert.equal(await world.settled(), {})
  })
}

test('the socket of an outsider is not governed, one of ours is wherever it goes', async () => {
  const [inside, other] = [world.holder(), world.holder('outside')]
  await step(inside, { op: 'make', name: 'a', protocol: 'tcp', family: 'v4' })
  const to = `kmp-${process.pid}-out`
  await step(inside, { op: 'offer', name: 'a', to })
  await step(other, { op: 'take', from: to, as: 'a' })
  await step(other, { op: 'connect', name: 'a', ...SERVICE })
  await greeted(other, 'a')
  assert.is(await reaches(other, 'a'), `${A.address}:${A.port}`, 'made in the cgroup')
  await connected(other, 'b', 'tcp')
  assert.is(await reaches(other, 'b'), RAW, 'made outside')
  inside.stop()
  other.stop()
  assert.equal(await world.settled(), {})
})

for (const server of ['with', 'without'] as const) {
  test(`fast open, ${server} a server that knows it: the first bytes go to the endpoint`, async () => {
    const port = server === 'with' ? PORT + 2 : PORT + 3
    const place = { address: A.address, port }
    run(['sh', '-c', 'echo 0x603 > /proc/sys/net/ipv4/tcp_fastopen'], outside)
    const backend = world.holder('outside')
    await step(backend, { op: 'make', name: 'l', protocol: 'tcp', family: 'v4', bind: [place.address, port] })
    if (server === 'with') await step(backend, { op: 'set', name: 'l', level: IPPROTO_TCP, option: TCP_FASTOPEN, value: 5 })
    await step(backend, { op: 'listen', name: 'l' })
    await world.apply([...services, { name: 'open', protocol: 'tcp', address: '10.96.0.3', port: 80, endpoints: [place] }])
    const client = world.holder()
    const names = ['with the flag', 'with the option', 'with the flag over v6']
    for (const [index, name] of names.entries()) {
      await step(client, { op: 'make', name, protocol: 'tcp', family: index === 2 ? 'v6' : 'v4' })
      await step(client, { op: 'set', name, level: IPPROTO_TCP, option: TCP_FASTOPEN_NO_COOKIE, value: 1 })
      if (index === 1) {
        await step(client, { op: 'set', name, level: IPPROTO_TCP, option: TCP_FASTOPEN_CONNECT, value: 1 })
        await step(client, { op: 'connect', name, address: '10.96.0.3', port: 80 })
        await step(client, { op: 'send', name, text: 'early' }, { ok: 5 })
      } else {
        await step(client, { op: 'send', name, text: 'early', to: ['10.96.0.3', 80], flags: MSG_FASTOPEN }, { ok: 5 })
      }
      const accepted = await backend.step({ op: 'accept', name: 'l', as: name })
      assert.ok('ok' in accepted, name)
      assert.is(((await backend.step({ op: 'receive', name })) as { ok: readonly string[] }).ok[0], 'early')
    }
    assert.equal(world.live(), { open: 3, [`open ${place.address}:${port}`]: 3 })
    backend.stop()
    client.stop()
    assert.equal(await world.settled(), {})
  })
}

test('MPTCP: the first subflow is governed and counted once, a joined one is decided too', async () => {
  await world.apply(services)
  run(
    ['sh', '-ec', 'ip addr add 172.31.255.2/32 dev lo; ip mptcp limits set subflow 2; ip mptcp endpoint add 172.31.255.2 dev lo subflow'],
    outside,
  )
  world.namespace.add([JOINED.address])
  const [backend, client] = [world.holder('outside'), world.holder()]
  await step(backend, { op: 'make', name: 'l', protocol: 'mptcp', family: 'v4', bind: [JOINED.address, JOINED.port] })
  await step(backend, { op: 'listen', name: 'l' })
  const established = async (name: string): Promise<void> => {
    await step(client, { op: 'make', name, protocol: 'mptcp', family: 'v4' })
    await step(client, { op: 'connect', name, address: '10.96.0.2', port: 80 })
    assert.ok('ok' in (await backend.step({ op: 'accept', name: 'l', as: name })))
    await step(client, { op: 'send', name, text: 'x' }, { ok: 1 })
    await step(backend, { op: 'receive', name }, { ok: ['x', ''] })
    await step(backend, { op: 'send', name, text: 'y' }, { ok: 1 })
    await step(client, { op: 'receive', name }, { ok: ['y', ''] })
  }
  const joins = (): number => multipath('MPJoinAckRx')
  await established('a')
  for (let wait = 0; wait < 100 && joins() < 1; wait++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.is(joins(), 1, 'the second subflow went to the endpoint by its own address')
  assert.equal(world.live(), { multipath: 1, [`multipath ${JOINED.address}:${JOINED.port}`]: 1 })
  // without an end of the other side it stays for a minute, as the kernel keeps an orphan of MPTCP
  for (const holder of [client, backend]) await step(holder, { op: 'close', name: 'a' })
  assert.equal(await world.settled(), {})

  // where the endpoint's address is a service as well, the join runs through its listener like any connection
  await world.apply([...services, { name: 'join', protocol: 'tcp', ...JOINED, endpoints: [] }])
  await established('b')
  const refused = () => world.status().clusters.find(({ name }) => name === 'join')?.failures.no_endpoint ?? 0
  for (let wait = 0; wait < 100 && refused() < 1; wait++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.is(refused(), 1)
  assert.is(joins(), 1)
  for (const holder of [client, backend]) await step(holder, { op: 'close', name: 'b' })
  backend.stop()
  client.stop()
  assert.equal(await world.settled(), {})
})

/** A counter of MPTCP in the namespace. */
function multipath(counter: string): number {
  const [names = [], values = []] = run(['grep', '^MPTcpExt:', '/proc/net/netstat'], outside)
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  return Number(values[names.indexOf(counter)] ?? 0)
}

test.after(() => world.close())
test.run()
