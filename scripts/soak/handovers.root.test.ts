/**
 * Connections that change hands between kernel, holder and node process at awkward moments, each many times: no byte is lost, kept or taken twice, and no end of a connection overtakes an
 * answer. On servers of this node and elsewhere.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askHolder } from '../../runtime/serve/holder-presence.ts'
import { fallsOf, fallsSince } from '../bench-http/falls.ts'
import { type LineProcess, startLineProcess } from '../kit/line-process.ts'
import { type Incident, runClients } from './clients.ts'
import { SERVICES } from './resources.ts'
import { makeSoakWorld, type SoakWorld } from './world.ts'

const TIMES = 25
const HOST = 'Host: soak.example\r\n'
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`
type Cut = (text: string) => readonly string[]
const CUTS: Readonly<Record<string, Cut>> = {
  whole: (text) => [text],
  'at byte 20': (text) => [text.slice(0, 20), text.slice(20)],
  'at byte 30': (text) => [text.slice(0, 30), text.slice(30)],
  'behind the first request': (text) => [text.slice(0, 90), text.slice(90)],
  'at every byte': (text) => [...text],
}

let world: SoakWorld
let client: LineProcess

interface Response {
  readonly status: number
  readonly text?: string
  readonly length: number
}

async function step<T>(command: Readonly<Record<string, unknown>>): Promise<T> {
  const { ok, errno } = await client.ask<{ readonly ok?: T; readonly errno?: string }>(command)
  if (errno !== undefined) throw new Error(errno)
  return ok as T
}

const read = (count = 1): Promise<readonly Response[]> => step({ op: 'read', name: 'a', count, wait: 20 })
const send = (pieces: readonly string[]): Promise<unknown> => step({ op: 'send', name: 'a', pieces })

test.before(async () => {
  world = await makeSoakWorld(`kmf-hand-${process.pid}`)
  client = startLineProcess(new URL('../sockets/client.py', import.meta.url).pathname, world.places[0] ?? {})
})

for (const name of ['node', 'other'] as const) {
  const { address, port } = SERVICES.find((service) => service.name === name) as (typeof SERVICES)[number]
  const connect = (): Promise<unknown> => step({ op: 'connect', name: 'a', address, port })

  for (const [first, third] of [
    ['whole', 'at byte 30'],
    ['at byte 20', 'at byte 30'],
    ['at byte 20', 'at every byte'],
    ['behind the first request', 'whole'],
    ['behind the first request', 'at byte 30'],
    ['behind the first request', 'at every byte'],
  ] as const) {
    test(`two requests at once, cut ${first}, then a third, cut ${third} (${name})`, async () => {
      for (let turn = 0; turn < TIMES; turn++) {
        await connect()
        await send((CUTS[first] as Cut)(get(`/length/10/a${turn}`) + get(`/length/10/b${turn}`)))
        const [one, other] = await read(2)
        assert.ok(one?.text?.startsWith(`a${turn}.`) && other?.text?.startsWith(`b${turn}.`), `${one?.text} ${other?.text}`)
        await send((CUTS[third] as Cut)(get(`/length/10/c${turn}`)))
        const [last] = await read()
        assert.is(last?.status, 200)
        assert.ok(last?.text?.startsWith(`c${turn}.`), last?.text)
        await step({ op: 'close', name: 'a' })
      }
    })
  }

  test(`the last answer of a connection comes before its end (${name})`, async () => {
    for (let turn = 0; turn < TIMES * 4; turn++) {
      await connect()
      if (turn % 4 === 1) {
        await send([get(`/labelled/length/10/x${turn}`)])
        await read()
      }
      const how = turn % 2 === 0 ? 'half' : 'close'
      await send([get(`/length/900/a${turn}`, how === 'close' ? 'Connection: close\r\n' : '')])
      if (how === 'half') await step({ op: 'half', name: 'a' })
      assert.is((await read())[0]?.length, 900, `${how} ${turn}`)
      await step({ op: 'close', name: 'a' })
    }
  })

  test(`an answer that ends with the server's connection ends in order (${name})`, async () => {
    for (let turn = 0; turn < TIMES * 2; turn++) {
      await connect()
      const size = [0, 100, 50_000][turn % 3] as number
      await send([get(`/close/${size}/a${turn}`)])
      assert.is((await read())[0]?.length, size, `${turn}`)
      await step({ op: 'close', name: 'a' })
    }
  })
}

test('what the holder hands over before it hears that the node process leaves is not lost', async () => {
  const { address, port } = SERVICES.find(({ name }) => name === 'other') as (typeof SERVICES)[number]
  await step({ op: 'connect', name: 'a', address, port })
  await send([get('/length/10/a')])
  await read()
  const { pid } = (await askHolder(world.name)) as { readonly pid: number }
  process.kill(pid, 'SIGSTOP')
  let left: Promise<void>
  try {
    // for the holder, this comes before what the node process says next
    await send(['POST /length/10/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: soak.example\r\n\r\n0\r\n\r\n'])
    left = world.upheavals.run('leave')
    await pause(300)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  // by the one that leaves, or by the next
  await left
  assert.ok((await read())[0]?.text?.startsWith('b.'))
  await step({ op: 'close', name: 'a' })
})

/** 16 clients, a connection for each request; pools that are too small for that in the beginning are not what is tested. */
async function closers(
  name: 'node' | 'other',
  way: 'closing' | 'mute',
  seconds: number,
): Promise<readonly [done: number, incidents: readonly Incident[]]> {
  const incidents: Incident[] = []
  const service = SERVICES.find((one) => one.name === name) as (typeof SERVICES)[number]
  const load = { service, tag: `${name}-${way}-${seconds}`, threads: 16, rate: 250, seconds, seed: 1, ways: [way] }
  const { ways } = await runClients(world.places[0] as SoakWorld['places'][number], load, (incident) => incidents.push(incident))
  return [ways[way] ?? 0, incidents]
}

for (const name of ['node', 'other'] as const) {
  test(`16 clients at once that ask for the end of their connections: each answer says so, and is the kernel's (${name})`, async () => {
    await closers(name, 'closing', 1)
    const [falls, before] = [fallsOf(world.name), await askHolder(world.name)]
    const [done, incidents] = await closers(name, 'closing', 3)
    assert.equal(incidents, [])
    assert.ok(done > 100, `${done}`)
    const { pool_empty: _, ...others } = fallsSince(falls, fallsOf(world.name))
    assert.equal(others, {})
    const after = await askHolder(world.name)
    assert.is(after?.counters.relayed, before?.counters.relayed)
    // what the client wants of its own connection does not cost one to a server
    const opened = (after?.counters.opened ?? 0) - (before?.counters.opened ?? 0)
    assert.ok(opened < done / 10, `${opened} connections for ${done} requests`)
  })

  test(`the same for answers in all shapes, and where the server ends its own connection (${name})`, async () => {
    const [done, incidents] = await closers(name, 'mute', 1)
    assert.equal(incidents, [])
    assert.ok(done > 50, `${done}`)
  })
}

test('nothing stays taken', async () => {
  assert.equal(await world.settled(), [])
})

test.after(async () => {
  client.stop()
  await world.end()
})
test.run()
