/**
 * Pitfall 14: addresses. Every form in which a socket can dial, to endpoints of either family; what the client sees is what it asked for, and
 * nothing is counted twice or left over.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SocketStep, StepResult } from '../kit/sockets.ts'
import type { PitfallService } from './services.ts'
import { makeWorld } from './world.ts'

const PORT = 29080
const V4 = { address: '10.1.0.1', port: PORT } as const
const V6 = { address: 'fd00:1::1', port: PORT } as const
const LOOP4 = { address: '127.96.14.2', port: PORT } as const
const both = ['tcp', 'udp'] as const
/** name -> where it is dialled and where it leads */
const SERVICES = {
  four: { address: '10.96.0.1', port: 80, endpoints: [V4] },
  six: { address: 'fd00:96::1', port: 80, endpoints: [V6] },
  'four to six': { address: '10.96.0.2', port: 80, endpoints: [V6] },
  'six to four': { address: 'fd00:96::2', port: 80, endpoints: [V4] },
  loop4: { address: '127.0.0.1', port: 29081, endpoints: [LOOP4] },
  loop6: { address: '::1', port: 29081, endpoints: [V6] },
} as const
type ServiceName = keyof typeof SERVICES

const services = both.flatMap((protocol) =>
  Object.entries(SERVICES).map(([name, service]): PitfallService => ({ name: `${protocol} ${name}`, protocol, ...service })),
)
const world = await makeWorld([
  ...both.flatMap((protocol) => [V4, V6, LOOP4].map((place) => ({ ...place, protocol }))),
  // what was dialled answers itself, so that falling open would be seen
  ...both.flatMap((protocol) => ['10.96.0.1', '10.96.0.2', 'fd00:96::1'].map((address) => ({ address, port: 80, protocol }))),
])
await world.apply(services)
const holder = world.holder()
let counter = 0

const text = ({ address, port }: { readonly address: string; readonly port: number }): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

interface Case {
  readonly protocol: 'tcp' | 'udp'
  readonly family: 'v4' | 'v6'
  readonly to: ServiceName
  /** dialled instead of the service's address */
  readonly as?: string
  readonly v6only?: true
  readonly form?: 'v4'
  readonly bind?: string
  readonly way?: 'connect' | 'sendto'
  /** where it leads, or how it fails */
  readonly reaches: string
  /** what the client sees of its peer */
  readonly peer?: string
}

const mapped = (place: typeof V4 | typeof LOOP4 | { readonly address: string; readonly port: number }): string =>
  `[::ffff:${place.address}]:${place.port}`

const everyWay = (one: Omit<Case, 'protocol' | 'way'>): readonly Case[] => [
  { ...one, protocol: 'tcp' },
  { ...one, protocol: 'udp', way: 'connect' },
  { ...one, protocol: 'udp', way: 'sendto' },
]
const connected = (one: Omit<Case, 'protocol' | 'way'>): readonly Case[] => everyWay(one).slice(0, 2)
const unconnected = (one: Omit<Case, 'protocol' | 'way'>): readonly Case[] => everyWay(one).slice(2)

const cases: readonly Case[] = [
  ...everyWay({ family: 'v4', to: 'four', reaches: text(V4), peer: text(SERVICES.four) }),
  ...everyWay({ family: 'v6', to: 'six', reaches: text(V6), peer: text(SERVICES.six) }),
  ...everyWay({ family: 'v6', to: 'four', reaches: text(V4), peer: mapped(SERVICES.four) }),
  ...everyWay({ family: 'v6', to: 'six', v6only: true, reaches: text(V6), peer: text(SERVICES.six) }),
  // an AF_INET address on a v6 UDP socket
  ...everyWay({ family: 'v6', to: 'four', form: 'v4', reaches: text(V4), peer: mapped(SERVICES.four) }).slice(1),
  // destination 0.0.0.0 and :: are loopback
  ...everyWay({ family: 'v4', to: 'loop4', as: '0.0.0.0', reaches: text(LOOP4), peer: text(SERVICES.loop4) }),
  ...everyWay({ family: 'v6', to: 'loop6', as: '::', reaches: text(V6), peer: text(SERVICES.loop6) }),
  ...everyWay({ family: 'v6', to: 'loop4', as: '0.0.0.0', reaches: text(LOOP4), peer: mapped(SERVICES.loop4) }),
  // endpoints of the other family
  ...everyWay({ family: 'v4', to: 'four to six', reaches: 'ECONNREFUSED' }),
  ...connected({ family: 'v6', to: 'four to six', reaches: text(V6), peer: mapped(SERVICES['four to six']) }),
  ...unconnected({ family: 'v6', to: 'four to six', reaches: 'ECONNREFUSED' }),
  ...connected({ family: 'v6', to: 'six to four', reaches: text(V4), peer: text(SERVICES['six to four']) }),
  ...unconnected({ family: 'v6', to: 'six to four', reaches: 'ECONNREFUSED' }),
  // a V6ONLY socket cannot be told from another in the hook: the kernel itself stops it
  ...connected({ family: 'v6', to: 'six to four', v6only: true, reaches: 'ENETUNREACH' }),
  ...connected({ family: 'v6', to: 'six to four', bind: 'fd6b:6d65:7368::1', reaches: 'ECONNREFUSED' }),
  ...connected({ family: 'v6', to: 'four to six', bind: '::ffff:172.31.255.1', reaches: 'ECONNREFUSED' }),
]

async function step(one: SocketStep): Promise<StepResult> {
  return holder.step(one)
}

/** [who answered or the errno, what the client saw of its peer] of one fresh socket, twice over the same socket where it can. */
async function dial(one: Case): Promise<readonly [string, string | undefined]> {
  const { protocol, family, to, way = 'connect', form } = one
  const name = `s${counter++}`
  const { address, port } = { ...SERVICES[to], ...(one.as === undefined ? {} : { address: one.as }) }
  await step({
    op: 'make',
    name,
    protocol,
    family,
    ...(one.v6only && { v6only: true }),
    ...(one.bind !== undefined && { bind: [one.bind, 0] as const }),
  })
  try {
    if (way === 'connect') {
      const result = await step({ op: 'connect', name, address, port, ...(form && { form }) })
      if ('errno' in result) return [result.errno, undefined]
    }
    // send() on a connected UDP socket with a mapped peer runs sendmsg4 each time, with the address that was put there
    const answers: string[] = []
    const senders: string[] = []
    for (let round = 0; round < (protocol === 'udp' ? 3 : 1); round++) {
      const sent =
        protocol === 'tcp'
          ? { ok: null }
          : await step({ op: 'send', name, text: '?', ...(way === 'sendto' && { to: [address, port] as const, ...(form && { form }) }) })
      if ('errno' in sent) return [sent.errno, undefined]
      const got = await step({ op: 'receive', name })
      if ('errno' in got) return [got.errno, undefined]
      const [answer, sender] = got.ok as readonly [string, string]
      answers.push(answer.trim())
      senders.push(sender)
    }
    assert.is(new Set(answers).size, 1)
    if (protocol === 'udp') {
      assert.equal(
        senders,
        senders.map(() => one.peer as string),
        'source of the answers',
      )
    }
    const peer = way === 'sendto' ? { ok: senders[0] } : await step({ op: 'peer', name })
    return [answers[0] as string, 'ok' in peer ? String(peer.ok) : peer.errno]
  } finally {
    await step({ op: 'close', name })
  }
}

const titleOf = ({ protocol, family, to, as, v6only, form, bind, way }: Case): string =>
  [
    `${protocol}${way === undefined ? '' : ` ${way}`} over a ${family} socket${v6only ? ' with V6ONLY' : ''}${bind === undefined ? '' : ` bound to ${bind}`}`,
    `to ${to}${as === undefined ? '' : ` as ${as}`}${form === undefined ? '' : ' as an AF_INET address'}`,
  ].join(' ')

for (const one of cases) {
  test(`${titleOf(one)}: ${one.reaches}`, async () => {
    const before = failed()
    const [reached, peer] = await dial(one)
    assert.is(reached, one.reaches)
    assert.is(peer, one.peer)
    assert.equal(await world.settled(), {})
    const name = `${one.protocol} ${one.to}`
    const expected = one.reaches === 'ECONNREFUSED' ? { [`${name} family`]: 1 } : {}
    const stopped = one.reaches === 'ENETUNREACH' && one.protocol === 'tcp' ? { [`${name} not_attempted`]: 1 } : {}
    assert.equal(since(before), { ...expected, ...stopped }, 'counted with its reason')
  })
}

/** "cluster reason" -> count, over clusters and endpoints. */
function failed(): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const { name, failures, endpoints } of world.status().clusters)
    for (const counts of [failures, ...endpoints.map((endpoint) => endpoint.failures)])
      for (const [reason, count] of Object.entries(counts)) sums.set(`${name} ${reason}`, (sums.get(`${name} ${reason}`) ?? 0) + count)
  return sums
}

function since(before: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  const grown = [...failed()].map(([key, count]) => [key, count - (before.get(key) ?? 0)] as const)
  return Object.fromEntries(grown.filter(([, count]) => count !== 0))
}

test('a connected socket stays with its peer when its address becomes a service, whatever its family', async () => {
  await world.apply([])
  const names = ['v4', 'v6'] as const
  for (const family of names) {
    await step({ op: 'make', name: family, protocol: 'udp', family })
    assert.equal(await step({ op: 'connect', name: family, address: SERVICES.four.address, port: 80 }), { ok: null })
  }
  await world.apply(services)
  for (const family of names) {
    await step({ op: 'send', name: family, text: '?' })
    const answer = await step({ op: 'receive', name: family })
    assert.is('ok' in answer ? (answer.ok as readonly string[])[0] : answer.errno, `${text(SERVICES.four)}\n`, family)
    await step({ op: 'close', name: family })
  }
  assert.equal(await world.settled(), {})
})

test.after(() => world.close())
test.run()
