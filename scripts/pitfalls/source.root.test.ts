/**
 * Pitfall 15: in connect4 and connect6 the source address of an unbound socket is 0. What hashes on the source takes the bound address, else
 * loopback, else the namespace's one address from the table; where none is known it is refused by name, never hashed over 0.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { xxHash64Text } from '../../compiler/balance/hash.ts'
import { evalBalance } from '../../compiler/balance/table.ts'
import { placeText } from '../../runtime/socket-address.ts'
import { startBackends } from '../kit/backend.ts'
import { startDialer } from '../kit/dialer.ts'
import { DEFAULT_SOURCE4, DEFAULT_SOURCE6, makeNamespace } from '../kit/namespace.ts'
import { run } from '../kit/process.ts'
import type { PitfallService } from './services.ts'
import { compiled, makeWorld } from './world.ts'

const PORT = 29150
const both = ['tcp', 'udp'] as const
const endpoints4 = Array.from({ length: 8 }, (_, index) => ({ address: `10.1.0.${index + 1}`, port: PORT }))
const endpoints6 = Array.from({ length: 8 }, (_, index) => ({ address: `fd00:1::${index + 1}`, port: PORT }))
const FOUR = { address: '10.96.0.1', port: 80, endpoints: endpoints4 }
const SIX = { address: 'fd00:96::1', port: 80, endpoints: endpoints6 }
const LOOP = { address: '127.96.15.1', port: 80, endpoints: endpoints4 }
const services = both.flatMap((protocol) =>
  Object.entries({ FOUR, SIX, LOOP }).map(
    ([name, service]): PitfallService => ({ name: `${protocol} ${name}`, protocol, hash: 'source', ...service }),
  ),
)
const { program } = await compiled(services)

/** Whom the meaning of the program gives to a source address. */
function expected(cluster: string, source: string): string {
  const target = program.clusters.find(({ name }) => name === cluster)?.target
  if (target?.kind !== 'balance') throw new Error(`${cluster} does not balance`)
  const [[endpoint] = []] = evalBalance(target.balance, xxHash64Text(source)).shares
  if (endpoint === undefined) throw new Error(`${cluster} chooses nobody`)
  return placeText(endpoint)
}

const listen = both.flatMap((protocol) => [...endpoints4, ...endpoints6].map((place) => ({ ...place, protocol })))
const world = await makeWorld(listen)
const several = await makeNamespace({ addresses: [...endpoints4, ...endpoints6].map(({ address }) => address), source4: '10.9.0.1' })
run(['sh', '-ec', 'ip addr add 10.9.0.2/32 dev lo; ip addr add fd00:9::2/128 dev lo nodad'], { namespace: several.path })
const severalBackends = await startBackends(listen, { namespace: several.path })

const dialer = world.dialer()
const ambiguous = startDialer({ namespace: several.path, cgroup: world.cgroup.path })
// applied when all of them are in the cgroup
await world.apply(services)

interface Case {
  readonly title: string
  readonly to: 'FOUR' | 'SIX' | 'LOOP'
  readonly socket?: 'v6'
  readonly bind?: string
  /** the source that counts */
  readonly source: string
}

const cases: readonly Case[] = [
  { title: 'an unbound socket: the one address of its namespace', to: 'FOUR', source: DEFAULT_SOURCE4 },
  { title: 'an unbound v6 socket that dials a mapped address', to: 'FOUR', socket: 'v6', source: DEFAULT_SOURCE4 },
  { title: 'an unbound v6 socket', to: 'SIX', source: DEFAULT_SOURCE6 },
  { title: 'loopback is dialled', to: 'LOOP', source: '127.0.0.1' },
  ...['10.1.0.3', '10.1.0.4', '10.1.0.5', '127.0.0.9'].map(
    (bind) => ({ title: `bound to ${bind}`, to: 'FOUR', bind, source: bind }) as const,
  ),
  ...['10.1.0.3', '10.1.0.4'].map(
    (bind) => ({ title: `a v6 socket bound to ${bind}`, to: 'FOUR', socket: 'v6', bind, source: bind }) as const,
  ),
  ...['fd00:1::2', 'fd00:1::3'].map((bind) => ({ title: `bound to ${bind}`, to: 'SIX', bind, source: bind }) as const),
  { title: 'bound, and loopback is dialled', to: 'LOOP', bind: '127.0.0.8', source: '127.0.0.8' },
]

for (const { title, to, socket, bind, source } of cases) {
  for (const [protocol, datagram] of [['tcp'], ['udp', 'connect'], ['udp', 'sendto']] as const) {
    test(`${protocol}${datagram === undefined ? '' : ` ${datagram}`}, ${title}`, async () => {
      const { address, port } = { FOUR, SIX, LOOP }[to]
      const { reached, failed } = await dialer.dial({
        protocol,
        address,
        port,
        count: 3,
        ...(datagram && { datagram }),
        ...(socket && { socket }),
        ...(bind !== undefined && { source: bind }),
      })
      assert.equal({ reached, failed }, { reached: { [expected(`${protocol} ${to}`, source)]: 3 }, failed: {} })
    })
  }
}

test('several addresses: refused as no_source, unless the socket is bound', async () => {
  for (const protocol of both) {
    for (const service of [FOUR, SIX]) {
      const place = { protocol, address: service.address, port: service.port }
      const { reached, failed } = await ambiguous.dial({ ...place, count: 2 })
      assert.equal({ reached, failed }, { reached: {}, failed: { ECONNREFUSED: 2 } })
    }
  }
  assert.equal((await ambiguous.dial({ protocol: 'tcp', address: LOOP.address, port: LOOP.port })).reached, {
    [expected('tcp LOOP', '127.0.0.1')]: 1,
  })
  assert.equal((await ambiguous.dial({ protocol: 'tcp', address: FOUR.address, port: 80, source: '10.9.0.2' })).reached, {
    [expected('tcp FOUR', '10.9.0.2')]: 1,
  })
  const failures = new Map(world.status().clusters.map((cluster) => [cluster.name, cluster.failures]))
  for (const name of ['tcp FOUR', 'tcp SIX', 'udp FOUR', 'udp SIX']) assert.equal(failures.get(name), { no_source: 2 }, name)
})

test('a namespace that came after the apply is refused until the next one', async () => {
  const late = await makeNamespace({ addresses: endpoints4.map(({ address }) => address), source4: '10.9.0.7' })
  const backends = await startBackends(
    listen.filter(({ address, protocol }) => protocol === 'tcp' && address.startsWith('10.')),
    { namespace: late.path },
  )
  const client = startDialer({ namespace: late.path, cgroup: world.cgroup.path })
  const dial = { protocol: 'tcp', address: FOUR.address, port: 80, count: 2 } as const
  assert.equal((await client.dial(dial)).failed, { ECONNREFUSED: 2 })
  await world.apply(services)
  assert.equal((await client.dial(dial)).reached, { [expected('tcp FOUR', '10.9.0.7')]: 2 })
  for (const one of [client, backends]) one.stop()
  late.remove()
})

test('nothing stays counted', async () => {
  assert.equal(await world.settled(), {})
})

test.after(() => {
  for (const one of [ambiguous, severalBackends]) one.stop()
  several.remove()
  world.close()
})
test.run()
