/**
 * Pools and upstreams of the holder with real sockets, and programs replaced by the test: connections that are asked for, claimed, answered, lost, too late, relayed.
 */
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  CLIENT_ORDERED,
  EVENT_LOW,
  EVENT_RELAY,
  EVENT_SPENT,
  pool as poolLayout,
  RESPONSE_CHUNK_SIZE,
  RESPONSE_LENGTH,
  RESPONSE_UNTIL_CLOSE,
  UPSTREAM_RELAY,
  UPSTREAM_SPENT,
  UPSTREAM_STARTED,
} from '../../proto/http/sockets.ts'
import { endOf, makeHolderWorld, nextBytes, until } from '../../scripts/kit/holder-world.ts'
import { ENDPOINT, makePoolWorld, REFUSING } from '../../scripts/kit/pool-world.ts'
import { ipOf } from '../../scripts/kit/small-program.ts'

const world = await makeHolderWorld(`kmh4-pools-${process.pid}`)
const PORT = 24110
const WARM = 10
const { accepted, active, claim, clientRow, end, event, idleSlots, learnEnds, poolOf, poolRow, upstreamRow } = await makePoolWorld(
  world,
  PORT,
)

const released = (): void => assert.equal(active(), [0n, 0n])

test('connections are opened when the kernel asks, and offered', async () => {
  world.tell(event(ENDPOINT, PORT, 16))
  await until('16 idle ones', () => poolOf(ENDPOINT) !== 0 && idleSlots().length === 16)
  await until('all are accepted', () => accepted.length === 16)
  assert.is(poolRow().get('wanted'), 0n)
  const cookies = idleSlots().map((slot) => poolRow().get('upstream', slot))
  assert.is(new Set(cookies).size, 16)
  for (const [index, cookie] of cookies.entries()) {
    const row = upstreamRow(cookie)
    assert.is(row.get('cookie'), cookie)
    assert.is(row.get('owner'), 0n)
    assert.is(row.get('slot'), BigInt(idleSlots()[index] as number))
    assert.is(row.get('port'), BigInt(PORT))
  }
})

test('a low pool grows', async () => {
  poolRow().set({ wanted: 1 })
  world.tell({ kind: EVENT_LOW, row: poolOf(ENDPOINT) })
  await until('32 idle ones', () => idleSlots().length === 32)
  assert.is(poolRow().get('wanted'), 0n)
})

test('an idle connection that the endpoint closes is taken back', async () => {
  await until('all are accepted', () => accepted.length === 32)
  for (const socket of accepted.splice(0)) socket.destroy()
  await until('none is idle', () => idleSlots().length === 0)
  await until('none is open', () => poolRow().get('open') === 0n)
  world.tell({ ...event(ENDPOINT, PORT, 16), wanted: 16 })
  await until('16 idle ones', () => idleSlots().length === 16)
  await learnEnds()
})

test('504 when the time is over, and the connection goes on', async () => {
  const client = await world.client(24201, { requests: 1 })
  const { cookie } = claim(client, { deadline: 1 })
  const answer = await nextBytes(client.socket)
  assert.match(
    answer,
    /^HTTP\/1\.1 504 Gateway Timeout\r\ncontent-length: 24\r\ncontent-type: text\/plain\r\ndate: .* GMT\r\nserver: envoy\r\n\r\nupstream request timeout$/,
  )
  await until('nothing is outstanding', () => clientRow(client).get('upstream') === 0n)
  assert.is(clientRow(client).get('flags') & BigInt(CLIENT_ORDERED), BigInt(CLIENT_ORDERED))
  assert.is(upstreamRow(cookie).get('cookie'), 0n)
  released()
  client.socket.destroy()
})

test('503 when the endpoint closes before it has answered', async () => {
  const client = await world.client(24202, { requests: 1 })
  const { far } = claim(client, {})
  far.destroy()
  const answer = await nextBytes(client.socket)
  assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*reset reason: connection termination$/)
  await until('nothing is outstanding', () => clientRow(client).get('upstream') === 0n)
  released()
  client.socket.destroy()
})

test('an answer that was cut off resets the client, one that ends with its connection closes it in order', async () => {
  const cut = await world.client(24203, { requests: 1 })
  const first = claim(cut, { phase: RESPONSE_LENGTH, remaining: 10, flags: UPSTREAM_STARTED })
  const reset = endOf(cut.socket)
  first.far.destroy()
  assert.is(await reset, 'reset')
  const whole = await world.client(24204, { requests: 1 })
  const second = claim(whole, { phase: RESPONSE_UNTIL_CLOSE, flags: UPSTREAM_STARTED })
  const closed = endOf(whole.socket)
  second.far.end()
  assert.is(await closed, 'close')
  released()
  whole.socket.destroy()
})

test('what the kernel spends in the midst of an answer does not leave the client waiting', async () => {
  const client = await world.client(24205, { requests: 1 })
  const { cookie, row } = claim(client, { phase: RESPONSE_LENGTH, remaining: 10, flags: UPSTREAM_STARTED | UPSTREAM_SPENT })
  assert.is(row.get('owner'), client.cookie)
  const reset = endOf(client.socket)
  world.tell({ kind: EVENT_SPENT, upstream: cookie, client: client.cookie })
  assert.is(await reset, 'reset')
})

test('a spent event that comes when the upstream has another client changes nothing', async () => {
  const client = await world.client(24206, { requests: 1 })
  const { cookie, far } = claim(client, {})
  world.tell({ kind: EVENT_SPENT, upstream: cookie, client: 12345n })
  await pause(50)
  assert.is(upstreamRow(cookie).get('cookie'), cookie)
  far.destroy()
  assert.match(await nextBytes(client.socket), /^HTTP\/1\.1 503/)
  client.socket.destroy()
})

test('a response that the kernel cannot frame is relayed by Node, and the upstream is offered again', async () => {
  const client = await world.client(24207, { requests: 1 })
  const { cookie, far, slot } = claim(client, { flags: UPSTREAM_RELAY })
  far.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  const relay = await world.desk.relay()
  assert.is(relay.state, ENDPOINT)
  const bytes = nextBytes(relay.upstream)
  relay.upstream.resume()
  const text = await bytes
  const seen = nextBytes(client.socket)
  relay.connection.socket.write(text)
  assert.is(await seen, text)
  relay.done('reuse')
  relay.connection.giveBack()
  await until('it is offered again', () => idleSlots().includes(slot))
  assert.is(clientRow(client).get('upstream'), 0n)
  assert.is(upstreamRow(cookie).get('flags'), 0n)
  released()
  client.socket.destroy()
})

const body = Buffer.alloc(3_000_000, 'body')

/** Reads all of `size` bytes, no faster than a pause between pieces allows. */
function slowly(socket: Socket, size: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  return new Promise((resolve) => {
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece)
      length += piece.length
      if (length >= size) resolve(Buffer.concat(pieces))
      socket.pause()
      setTimeout(() => socket.resume(), 1)
    })
  })
}

test('the rest of a long answer is moved here, and stops at its end', async () => {
  const client = await world.client(24208, { requests: 1 })
  const { cookie, far, slot } = claim(client, { flags: UPSTREAM_RELAY | UPSTREAM_STARTED, phase: RESPONSE_LENGTH, remaining: body.length })
  far.write(body)
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  assert.ok((await slowly(client.socket, body.length)).equals(body))
  await until('it is offered again', () => idleSlots().includes(slot))
  assert.is(clientRow(client).get('upstream'), 0n)
  client.socket.destroy()
})

test('so is that of a chunked one, from where the kernel left it', async () => {
  const client = await world.client(24209, { requests: 1 })
  const { cookie, far, slot } = claim(client, { flags: UPSTREAM_RELAY | UPSTREAM_STARTED, phase: RESPONSE_CHUNK_SIZE })
  const chunks = Buffer.concat([
    Buffer.from('1e8480;x=y\r\n'),
    body.subarray(0, 2_000_000),
    Buffer.from('\r\n3\r\nabc\r\n0\r\nt: 1\r\n\r\n'),
  ])
  for (let at = 0; at < chunks.length; at += 70_001) far.write(chunks.subarray(at, at + 70_001))
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  assert.ok((await slowly(client.socket, chunks.length)).equals(chunks))
  await until('it is offered again', () => idleSlots().includes(slot))
  client.socket.destroy()
})

test('a malformed chunk ends the client with a reset', async () => {
  const client = await world.client(24210, { requests: 1 })
  const { cookie, far } = claim(client, { flags: UPSTREAM_RELAY | UPSTREAM_STARTED, phase: RESPONSE_CHUNK_SIZE })
  const reset = endOf(client.socket)
  far.write('5\nabcde\r\n0\r\n\r\n')
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  assert.is(await reset, 'reset')
})

test('a client that ends while its answer is moved here ends it once', async () => {
  const client = await world.client(24213, { requests: 1 })
  const { cookie, far } = claim(client, { flags: UPSTREAM_RELAY | UPSTREAM_STARTED, phase: RESPONSE_LENGTH, remaining: 2 * body.length })
  far.write(body)
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  await until('the client is written to from here', () => (clientRow(client).get('flags') & BigInt(CLIENT_ORDERED)) !== 0n)
  const ended = endOf(client.socket)
  const died = world.desk.ended.then(() => 'the holder died')
  world.tell({ kind: EVENT_SPENT, upstream: cookie, client: client.cookie })
  assert.is.not(await Promise.race([ended, died]), 'the holder died')
  await until('its row is free', () => upstreamRow(cookie).get('cookie') === 0n)
  assert.is(await Promise.race([world.desk.link.ask('count').then(() => 'alive'), died]), 'alive')
})

test('a client whose upstream is no more, and that nobody told, is reset', async () => {
  const client = await world.client(24214, { requests: 1 })
  const began = Date.now()
  const ended = endOf(client.socket)
  clientRow(client).set({ upstream: 987_654_321n })
  assert.is(await ended, 'reset')
  assert.ok(Date.now() - began > 500, 'whoever is about to tell it has time')
})

const LONG_ENOUGH = 100

test('an answer for a client that is still to be accepted is kept until it is', async () => {
  const client = world.awaited(24215, { requests: 1 })
  const flags = UPSTREAM_RELAY | UPSTREAM_STARTED
  const { cookie, far } = claim(client, { flags, phase: RESPONSE_LENGTH, remaining: 5 })
  far.write('whole')
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  await pause(LONG_ENOUGH)
  const { socket } = await client.connect()
  assert.is(await nextBytes(socket), 'whole')
  socket.destroy()
})

test('so is what became of its request', async () => {
  const client = world.awaited(24216, { requests: 1 })
  const { far } = claim(client, {})
  far.destroy()
  await pause(LONG_ENOUGH)
  const { socket } = await client.connect()
  assert.match(await nextBytes(socket), /^HTTP\/1\.1 503/)
  released()
  socket.destroy()
})

test('so is the end of an answer that ends with its connection', async () => {
  const client = world.awaited(24220, { requests: 1 })
  const { far } = claim(client, { phase: RESPONSE_UNTIL_CLOSE, flags: UPSTREAM_STARTED })
  far.end()
  await pause(LONG_ENOUGH)
  const { socket } = await client.connect()
  assert.is(await endOf(socket), 'close')
  released()
  socket.destroy()
})

test('an endpoint that closes while a program is about to say whose its connection is: the program takes it all back', async () => {
  const client = await world.client(24217, { requests: 1 })
  const { cookie, row, far } = claim(client, {})
  row.set({ owner: 0 })
  far.destroy()
  await pause(LONG_ENOUGH)
  assert.is(row.get('counted'), 1n, 'the place is given back by whoever leaves')
  // km_disown
  row.set({ owner: client.cookie })
  row.set({ counted: 0, owner: 0, phase: 0 })
  clientRow(client).set({ upstream: 0 })
  await until('its row is free', () => upstreamRow(cookie).get('cookie') === 0n)
  client.socket.destroy()
})

test('an answer that was lost while Node was about to say that it has given a client back is told then', async () => {
  const client = await world.client(24218, { requests: 1 })
  client.socket.write('x')
  const given = await world.desk.connection()
  await new Promise((resolve) => given.socket.once('data', resolve).resume())
  const { cookie, far } = claim(client, {})
  far.destroy()
  await until('its row is free', () => upstreamRow(cookie).get('cookie') === 0n)
  const told = nextBytes(client.socket)
  given.giveBack()
  assert.match(await told, /^HTTP\/1\.1 503/)
  released()
  client.socket.destroy()
})

test('a client that Node gave back before it was lost with the upstream waits for nobody', async () => {
  const client = await world.client(24219, { requests: 1 })
  const { cookie } = claim(client, { flags: UPSTREAM_RELAY })
  const next = await world.newDesk()
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  const { connection, upstream } = await next.relay()
  connection.giveBack()
  next.link.close()
  upstream.destroy()
  await until('its row is free', () => upstreamRow(cookie).get('cookie') === 0n)
  assert.is(clientRow(client).get('upstream'), 0n)
  client.socket.destroy()
})

test('the upstream of a client that is gone is closed', async () => {
  const client = await world.client(24211, { requests: 1 })
  const { cookie, far } = claim(client, {})
  const closed = endOf(far)
  clientRow(client).set({ cookie: 0 })
  client.socket.destroy()
  await closed
  await until('its row is free', () => upstreamRow(cookie).get('cookie') === 0n)
})

test('a client that closes its sending half gets its answer before the end', async () => {
  const client = await world.client(24212, { requests: 1 })
  const { row, slot } = claim(client, {})
  client.socket.end()
  const ended = endOf(client.socket)
  const early = await Promise.race([ended, new Promise((resolve) => setTimeout(() => resolve('open'), 300))])
  assert.is(early, 'open')
  row.set({ owner: 0, phase: 0, counted: 0 })
  clientRow(client).set({ upstream: 0 })
  const pool = poolRow()
  pool.set({ idle: pool.get('idle') | (1n << BigInt(slot)) })
  assert.is(await ended, 'close')
})

test('a claim that no request followed is taken back', async () => {
  const [slot] = idleSlots() as readonly [number]
  const pool = poolRow()
  pool.set({ idle: pool.get('idle') & ~(1n << BigInt(slot)) })
  assert.not(idleSlots().includes(slot))
  await until('it is offered again', () => idleSlots().includes(slot))
})

test('an endpoint that refuses is counted, and asked again later', async () => {
  world.tell(event(REFUSING, 24498, 4))
  const failed = async (): Promise<number> => (await world.desk.link.ask('count')).message.counters.openFailed
  await until('it failed', async () => (await failed()) > 0)
  const row = world.row('km_pool', poolLayout, poolOf(REFUSING))
  row.set({ wanted: 1 })
  await until('it may be asked for again', () => row.get('wanted') === 0n)
})

test('connections that are wanted beforehand are kept, until they are wanted no more', async () => {
  world.state(WARM).set({ incarnation: 3 })
  const values = { netns: world.netns, address: ipOf('127.0.0.1'), port: PORT, state: WARM }
  const row = (): ReturnType<typeof poolRow> => world.row('km_pool', poolLayout, poolOf(WARM))
  const twoMore = async (from: number): Promise<readonly Socket[]> => {
    await until('there are two', () => poolOf(WARM) !== 0 && row().get('idle') === 0b11n && accepted.length >= from + 2)
    return accepted.slice(from)
  }
  let from = accepted.length
  world.desk.link.send('warm', { ...values, count: 2 })
  const first = await twoMore(from)
  from = accepted.length
  for (const socket of first) socket.destroy()
  const second = await twoMore(from)
  world.desk.link.send('warm', { ...values, count: 0 })
  for (const socket of second) socket.destroy()
  await until('they are missed', () => row().get('open') === 0n)
  await pause(1200)
  assert.is(row().get('open'), 0n)
})

test('the pool of an endpoint that left is emptied', async () => {
  world.state(ENDPOINT).set({ cursor: 1 })
  await until('nobody finds it', () => poolOf(ENDPOINT) === 0)
  await until('its connections are closed', () => accepted.every((socket) => socket.destroyed || socket.readableEnded))
})

test('a long answer that is moved here while everything is to end arrives whole, however slowly its client reads', async () => {
  world.state(ENDPOINT).set({ cursor: 0 })
  world.tell(event(ENDPOINT, PORT, 4))
  await until('there are connections again', () => poolOf(ENDPOINT) !== 0 && idleSlots().length > 0)
  await learnEnds()
  const client = await world.client(24221, { requests: 1 })
  const { cookie, far } = claim(client, { flags: UPSTREAM_RELAY | UPSTREAM_STARTED, phase: RESPONSE_LENGTH, remaining: 4 * body.length })
  const whole = Buffer.concat([body, body, body, body])
  far.write(whole)
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  await until('it is under way', () => (clientRow(client).get('flags') & BigInt(CLIENT_ORDERED)) !== 0n)
  await pause(100)
  world.desk.link.send('drain', { count: 5000 })
  await pause(100)
  assert.ok((await slowly(client.socket, whole.length)).equals(whole))
})

test('nothing is left', async () => {
  end()
  await world.end()
})

test.run()
