import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { until } from '../kit/holder-world.ts'
import { type Client, makeRequestWorld } from './world.ts'

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex')
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: service.example\r\n${more}\r\n`

for (const servers of ['observed', 'elsewhere'] as const) {
  const world = await makeRequestWorld({ clusters: [[23201]], servers })
  const client = world.client()
  const acceptances = (): number => world.said().filter((line) => line.startsWith('accepted')).length
  /** An answer that comes before its client is accepted is user space's when it is long, and nobody's when it cannot be framed: the product's holder waits, this small one does not. */
  const meet = async (one: Client, name: string): Promise<void> => {
    const before = acceptances()
    await one.connect(name)
    await until('it is accepted', () => acceptances() > before)
  }

  test(`${servers}: the first request opens the pool and is user space's, the next is the kernel's`, async () => {
    await client.connect('first')
    await client.send('first', get('/length/5'))
    assert.is((await client.read('first'))[0]?.status, 599)
    assert.match(await world.heard(/^slow/), /reason 9$/)
    await world.heard(/^opened 23201 16/)
    await client.connect('a')
    for (let i = 0; i < 50; i++) {
      await client.send('a', get('/length/5'))
      const [response] = await client.read('a')
      assert.is(response?.status, 200, String(i))
      assert.is(response?.headers['x-got'], sha256(get('/length/5')))
      assert.is(response?.text, '01234')
    }
  })

  const bodies: readonly (readonly [path: string, length: number, method?: string])[] = [
    ['/length/0', 0],
    ['/length/1', 1],
    ['/length/100000', 100_000],
    ['/length/1000000', 1_000_000],
    ['/chunked/100/7', 100],
    ['/chunked/1/1', 1],
    ['/chunked/0/1', 0],
    ['/chunked/300000/1000', 300_000],
    ['/slowchunks/2000/100/7', 2000],
    ['/trickle/2000/100', 2000],
    ['/status/204', 0],
    ['/status/304', 0],
    ['/status/404', 0],
    ['/length/50', 0, 'HEAD'],
    ['/chunked/50/5', 0, 'HEAD'],
  ]
  for (const [path, length, method = 'GET'] of bodies) {
    test(`${servers}: ${method} ${path}, and the connection goes on`, async () => {
      const client = world.client()
      await meet(client, 'a')
      for (let i = 0; i < 3; i++) {
        await client.send('a', `${method} ${path} HTTP/1.1\r\nHost: service.example\r\n\r\n`)
        const [response] = await client.read('a', { method })
        assert.is(response?.headers['x-port'], '23201', `${i} ${JSON.stringify(response)}`)
        assert.is(response?.length, length)
        await client.send('a', get('/length/3'))
        assert.is((await client.read('a'))[0]?.text, '012', `after ${i}; the holder: ${world.said().slice(-3).join(' | ')}`)
      }
      client.stop()
    })
  }

  const relayed: readonly (readonly [path: string, length: number])[] = [
    ['/length/5000000', 5_000_000],
    ['/pieces', 2],
    ['/both', 2],
    ['/last/5', 5],
  ]
  for (const [path, length] of relayed) {
    test(`${servers}: ${path} is user space's, and the connection goes on`, async () => {
      const client = world.client()
      await meet(client, 'a')
      await client.send('a', get('/length/1'))
      await client.read('a')
      for (let i = 0; i < 2; i++) {
        await client.send('a', get(path))
        const [response] = await client.read('a')
        assert.is(response?.headers['x-port'], '23201', `${i} ${JSON.stringify(response)}`)
        assert.is(response?.length, length)
        await pause(250)
        await client.send('a', get('/length/3'))
        assert.is((await client.read('a'))[0]?.text, '012', `after ${i}; the holder: ${world.said().slice(-3).join(' | ')}`)
      }
      client.stop()
    })
  }

  test(`${servers}: answers that take TCP behind a long one are the kernel's, wherever their heads lie in the server's pages`, async () => {
    const client = world.client()
    const relays = (): number => world.said().filter((line) => line.startsWith('relay')).length
    await meet(client, 'a')
    await client.send('a', get('/length/1000000'))
    assert.is((await client.read('a'))[0]?.length, 1_000_000)
    const before = relays()
    for (let i = 0; i < 3000; i++) {
      await client.send('a', get('/length/3'))
      assert.is((await client.read('a'))[0]?.text, '012', String(i))
    }
    assert.is(relays(), before)
    client.stop()
  })

  test.after(() => world.close())
}

test.run()
