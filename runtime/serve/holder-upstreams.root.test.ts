/**
 * Upstreams that fail or say too much, at the moments when holder and programs both have their hands on them: no place is lost, no client is told two things, and nothing that a
 * server said unasked is there for whoever claims its connection next.
 */
import type { Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  CLIENT_CLOSING,
  EVENT_RELAY,
  RESPONSE_LENGTH,
  UPSTREAM_HELD,
  UPSTREAM_LAST,
  UPSTREAM_RELAY,
  UPSTREAM_SPENT,
  UPSTREAM_STARTED,
} from '../../proto/http/sockets.ts'
import { endOf, makeHolderWorld, nextBytes, until, type WorldClient } from '../../scripts/kit/holder-world.ts'
import { ENDPOINT, makePoolWorld } from '../../scripts/kit/pool-world.ts'

const world = await makeHolderWorld(`kmd-upstreams-${process.pid}`)
const PORT = 24111
const pool = await makePoolWorld(world, PORT)
let port = 24300
const newClient = (): Promise<WorldClient> => world.client(++port, { requests: 1 })
const pause = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time))
const now = (): bigint => process.hrtime.bigint()
const released = (): void => assert.equal(pool.active(), [0n, 0n])
const isGone = (cookie: bigint) => (): boolean => pool.upstreamRow(cookie).get('cookie') === 0n

async function filled(): Promise<void> {
  world.tell(pool.event(ENDPOINT, PORT, 16))
  await until('there are idle ones', () => pool.poolOf(ENDPOINT) !== 0 && pool.idleSlots().length >= 8)
  await pool.learnEnds()
}

/** what comes within a while */
async function heard(socket: Socket, time: number): Promise<string> {
  let text = ''
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
  })
  await pause(time)
  return text
}

test('an endpoint that closes while the request is being sent leaves the client to the program, if that withdraws', async () => {
  await filled()
  const client = await newClient()
  const { cookie, far, row } = pool.claim(client, { started: now() + 500_000_000n })
  const answers = heard(client.socket, 800)
  far.destroy()
  await until('the program can see it', () => (row.get('flags') & BigInt(UPSTREAM_HELD)) !== 0n)
  // what km_disown does
  assert.is(row.get('counted'), 1n, 'the holder gave the place back while the program could still have sent the request')
  row.set({ counted: 0, owner: 0, phase: 0, started: 0 })
  for (const id of [7, 8]) world.state(id).set({ active: 0 })
  pool.clientRow(client).set({ upstream: 0 })
  assert.is(await answers, '')
  await until('its row is free', isGone(cookie))
  released()
  client.socket.destroy()
})

test('and answers it, if the program did send it', async () => {
  const client = await newClient()
  const { cookie, far } = pool.claim(client, { started: now() })
  far.destroy()
  assert.match(await nextBytes(client.socket), /^HTTP\/1\.1 503/)
  await until('its row is free', isGone(cookie))
  released()
  client.socket.destroy()
})

test('an upstream that was spent is given up, also when nobody heard the event', async () => {
  const client = await newClient()
  const { cookie, row } = pool.claim(client, {})
  row.set({ flags: UPSTREAM_SPENT })
  assert.match(await nextBytes(client.socket), /^HTTP\/1\.1 503/)
  await until('its row is free', isGone(cookie))
  released()
  client.socket.destroy()
})

test('one that was spent while it was claimed by nobody is not offered again', async () => {
  const { cookie, row, slot } = pool.take()
  row.set({ flags: UPSTREAM_SPENT })
  await until('it is gone', isGone(cookie))
  assert.ok(!pool.idleSlots().includes(slot) || pool.poolRow().get('upstream', slot) !== cookie)
})

test('one that a client has used up, and whose end the endpoint says before anybody else does, is made up for', async () => {
  const before = pool.poolRow().get('open')
  await pool.learnEnds()
  for (const { cookie, far, row } of [pool.take(), pool.take(), pool.take()]) {
    row.set({ flags: UPSTREAM_SPENT, requests: 1 })
    far.destroy()
    await until('it is gone', isGone(cookie))
  }
  await until('there are as many as before', () => pool.poolRow().get('open') >= before && pool.idleSlots().length >= Number(before))
  await pool.learnEnds()
})

test('a client that wants its connection closed hears so from the holder too', async () => {
  const client = await newClient()
  pool.clientRow(client).set({ flags: CLIENT_CLOSING })
  const { far } = pool.claim(client, { flags: UPSTREAM_LAST })
  const ended = endOf(client.socket)
  const answer = nextBytes(client.socket)
  far.destroy()
  assert.match(await answer, /^HTTP\/1\.1 503 [\s\S]*\r\nconnection: close\r\n\r\nupstream connect error/)
  assert.is(await ended, 'close')
  client.socket.destroy()
})

test('nor is one whose relayed answer has bytes behind it', async () => {
  await pool.learnEnds()
  const client = await newClient()
  const { cookie, far } = pool.claim(client, { flags: UPSTREAM_RELAY })
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  const relay = await world.desk.relay()
  far.write('HTTP/1.1 200 OK\r\n\r\nevil')
  await pause(50)
  relay.done('reuse')
  await until('it is gone', isGone(cookie))
  relay.connection.giveBack()
  released()
  client.socket.destroy()
})

test('bytes behind a long answer cost the upstream, not the client', async () => {
  await pool.learnEnds()
  const client = await newClient()
  const { cookie, far } = pool.claim(client, { flags: UPSTREAM_RELAY | UPSTREAM_STARTED, phase: RESPONSE_LENGTH, remaining: 5 })
  const seen = heard(client.socket, 300)
  far.write('12345HTTP/1.1 200 OK\r\n\r\nevil')
  world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
  assert.is(await seen, '12345')
  await until('it is gone', isGone(cookie))
  assert.is(pool.clientRow(client).get('upstream'), 0n)
  assert.not(client.socket.readableEnded)
  released()
  client.socket.destroy()
})

test('a long answer ends with its client, and with its time, also when the endpoint says nothing', async () => {
  for (const how of ['client', 'time'] as const) {
    const client = await newClient()
    const values = { flags: UPSTREAM_RELAY | UPSTREAM_STARTED, phase: RESPONSE_LENGTH, remaining: 100 }
    const { cookie, far } = pool.claim(client, { ...values, deadline: how === 'time' ? now() + 300_000_000n : 0 })
    far.write('12345')
    world.tell({ kind: EVENT_RELAY, upstream: cookie, client: client.cookie })
    assert.is(await nextBytes(client.socket), '12345')
    const end = endOf(client.socket)
    if (how === 'client') pool.clientRow(client).set({ cookie: 0 })
    assert.is(await end, 'reset')
    await until('its row is free', isGone(cookie))
    released()
  }
})

test('nothing is left', async () => {
  pool.end()
  await world.end()
})

test.run()
