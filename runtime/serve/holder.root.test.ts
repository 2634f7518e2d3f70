/**
 * Connections of clients at the holder with real sockets, and programs replaced by the test: who is accepted, what is handed over and comes back, what happens
 * when Node goes.
 */
import { connect } from 'node:net'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CLIENT_CLOSING, CLIENT_SLOW } from '../../proto/http/sockets.ts'
import { endOf, makeHolderWorld, nextBytes, WORLD_ASKED, WORLD_ASKED_PORT } from '../../scripts/kit/holder-world.ts'
import { ipOf } from '../../scripts/kit/small-program.ts'
import { closeDescriptor } from '../sys/libc.ts'
import { holderCgroup, holderDirectory } from './holder-place.ts'

const INSTANCE = `kmh4-holder-${process.pid}`
const REASON = 7
const world = await makeHolderWorld(INSTANCE)
const { desk: first } = world
const client = (port: number, passed: bigint) => world.client(port, { passed, reason: REASON, requests: 1 })

test('the namespace has an acceptor for both families', () => {
  assert.ok(world.port4 > 0)
  assert.ok(world.port6 > 0)
  assert.ok(world.netns > 0n)
})

test('a slow connection is handed over with what is known of it, and comes again after it was given back', async () => {
  const { socket, cookie } = await client(24101, CLIENT_SLOW | 5n)
  socket.write('first')
  const given = await first.connection()
  assert.is(given.id, cookie)
  assert.equal(given.asked, { address: WORLD_ASKED, port: WORLD_ASKED_PORT })
  assert.equal(given.client, { address: '127.0.0.1', port: 24101 })
  assert.is(given.reason, REASON)
  assert.is(given.fastLane, 'possible')
  const read = nextBytes(given.socket)
  given.socket.resume()
  assert.is(await read, 'first')
  const answer = nextBytes(socket)
  given.socket.write('answer')
  assert.is(await answer, 'answer')
  given.giveBack()
  socket.write('second')
  const again = await first.connection()
  assert.is(again.id, cookie)
  const ended = endOf(socket)
  again.end('close')
  assert.is(await ended, 'close')
  socket.destroy()
})

test('what comes at once after it was given back is not confused with the time before', async () => {
  const { socket } = await client(24107, CLIENT_SLOW | 1n)
  for (let i = 0; i < 50; i++) {
    socket.write('x')
    const given = await first.connection()
    const read = nextBytes(given.socket)
    given.socket.resume()
    await read
    const answer = nextBytes(socket)
    given.socket.write('y')
    assert.is(await answer, 'y')
    socket.write('z')
    given.giveBack()
    const next = await first.connection()
    const more = nextBytes(next.socket)
    next.socket.resume()
    assert.is(await more, 'z')
    next.giveBack()
  }
  socket.destroy()
})

test('bytes that no program saw make it user space own', async () => {
  const { socket } = await client(24102, 0n)
  socket.write('unseen')
  const given = await first.connection()
  assert.is(given.fastLane, 'never')
  const ended = endOf(socket)
  given.end('reset')
  assert.is(await ended, 'reset')
})

test('a connection whose last answer is out ends, also where nobody said so', async () => {
  const { socket } = await world.client(24109, { flags: CLIENT_CLOSING, requests: 1 })
  assert.is(await Promise.race([endOf(socket), pause(4000, 'open')]), 'close')
  socket.destroy()
})

test('a socket that the slow path only lets go of is reset', async () => {
  const { socket } = await client(24103, CLIENT_SLOW | 1n)
  socket.write('x')
  const given = await first.connection()
  const ended = endOf(socket)
  given.socket.destroy()
  assert.is(await ended, 'reset')
})

test('who dials the acceptor without being a client is closed', async () => {
  const socket = connect({ host: '127.0.0.1', port: world.port4 })
  await endOf(socket)
  socket.destroy()
})

test('a socket for the slow path is made on request, a refusal has its errno', async () => {
  const ask = (port: number) => first.link.ask('open', { netns: world.netns, address: ipOf('127.0.0.1'), port, count: 1000 })
  const { descriptors } = await ask(world.port4)
  assert.is(descriptors.length, 1)
  closeDescriptor(descriptors[0] as number)
  const refused = await ask(24499).then(
    () => 'opened',
    (error: NodeJS.ErrnoException) => error.code,
  )
  assert.is(refused, 'ECONNREFUSED')
})

test('a second Node takes over: what the first one has it keeps, and new ones come to the second', async () => {
  const before = await client(24104, CLIENT_SLOW | 1n)
  before.socket.write('a')
  const kept = await first.connection()
  const second = await world.newDesk()
  const after = await client(24105, CLIENT_SLOW | 1n)
  after.socket.write('b')
  const given = await second.connection()
  assert.is(given.id, after.cookie)
  assert.ok(first.kinds.includes('replaced'))
  const answer = nextBytes(before.socket)
  kept.socket.write('still')
  assert.is(await answer, 'still')
  kept.giveBack()
  const moved = await second.connection()
  assert.is(moved.id, before.cookie)
  const ended = endOf(after.socket)
  second.link.close()
  assert.is(await ended, 'reset')
  before.socket.destroy()
})

test('without a Node connections wait for the next one', async () => {
  first.link.close()
  await first.ended
  const { socket, cookie } = await client(24106, CLIENT_SLOW | 1n)
  socket.write('w')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const third = await world.newDesk()
  const given = await third.connection()
  assert.is(given.id, cookie)
  const { message } = await third.link.ask('count')
  assert.is(message.counters.serving, 1)
  assert.is(message.counters.handed, 1)
  given.end('close')
  third.link.send('drain', { count: 2000 })
  await third.ended
  socket.destroy()
})

test('nothing of it is left', async () => {
  await world.end()
  assert.is(existsSync(holderCgroup(INSTANCE)), false)
  assert.is(existsSync(holderDirectory(INSTANCE)), false)
})

test.run()
