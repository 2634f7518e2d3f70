import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRequestWorld } from './world.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: service.example\r\n\r\n`
const world = await makeRequestWorld({ clusters: [[23241]] })

test('what a server says without being asked is no answer to whoever is next on its connection, however late it comes', async () => {
  const client = world.client()
  await client.connect('warm')
  await client.send('warm', get('/length/1'))
  await client.read('warm')
  await world.heard(/^opened/)
  await client.connect('a')
  await client.connect('b')
  for (let i = 0; i < 3; i++) {
    await client.send('a', get('/unasked'))
    assert.is((await client.read('a'))[0]?.text, 'ok')
    await pause(30)
    // while TCP still keeps it
    await client.send('b', get('/wait/300'))
    const [response] = await client.read('b')
    assert.is(response?.text, 'ok')
    assert.is(response?.status, 200)
  }
  assert.ok(world.said().filter((line) => line === 'spent').length >= 3)
  client.stop()
})

test('a request that comes in two sends behind another one is counted whole', async () => {
  const client = world.client()
  await client.connect('warm')
  await client.send('warm', get('/length/1'))
  await client.read('warm')
  await client.connect('cut')
  const second = get('/length/2')
  const from = world.said().length
  await client.send('cut', get('/length/1') + second.slice(0, 29))
  await pause(50)
  await client.send('cut', second.slice(29))
  await pause(50)
  const passed = world
    .said()
    .slice(from)
    .flatMap((line) => /^slow (\d+) passed (\d+)/.exec(line)?.slice(1).map(Number) ?? [])
  assert.equal(passed, [29, 29, second.length - 29, second.length])
  client.stop()
})

test.after(() => world.close())
test.run()
