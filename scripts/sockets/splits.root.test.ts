/** Heads and bodies cut at every byte and at random, also where answers come by TCP from servers elsewhere. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRequestWorld } from './world.ts'

const host = 'Host: service.example\r\n'
const REQUESTS: Readonly<Record<string, string>> = {
  usual: `GET /length/4?c=d HTTP/1.1\r\n${host}User-Agent: test\r\nAccept: */*\r\nX-Tab:\ta b\t\r\n\r\n`,
  'with a body': `POST /length/4 HTTP/1.1\r\n${host}Content-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz`,
  'of many blocks': `GET /length/4 HTTP/1.1\r\n${host}X-Long: ${'y'.repeat(1500)}\r\n\r\n`,
}
/** Pieces that are cut at random, of each request. */
const RANDOM = 60

/** Numbers from 0 to below 1, the same in every run. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

for (const servers of ['observed', 'elsewhere'] as const) {
  const world = await makeRequestWorld({ clusters: [[servers === 'observed' ? 23271 : 23272]], servers })
  const client = world.client()

  test(`${servers}: a pool is there`, async () => {
    await client.connect('warm')
    await client.send('warm', REQUESTS.usual as string)
    await client.read('warm')
    await world.heard(/^opened/)
  })

  for (const [name, request] of Object.entries(REQUESTS)) {
    if (servers === 'elsewhere')
      test(`${servers}: a request ${name}, split at every byte`, async () => {
        const splits = await client.step<object>({ op: 'splits', address: world.address, port: world.port, request, keep: true })
        assert.equal(splits, { count: request.length - 1, wrong: [] })
      })

    test(`${servers}: a request ${name}, cut at random places`, async () => {
      const dice = random(7)
      await client.connect('a')
      for (let turn = 0; turn < RANDOM; turn++) {
        const places = Array.from({ length: 1 + Math.floor(dice() * 10) }, () => Math.floor(dice() * request.length)).sort((a, b) => a - b)
        const pieces = [0, ...places]
          .map((from, index) => request.slice(from, places[index] ?? request.length))
          .filter((piece) => piece !== '')
        await client.send('a', ...pieces)
        const [response] = await client.read('a')
        assert.is(response?.text, '0123', JSON.stringify([pieces.map(({ length }) => length), response?.status]))
      }
    })
  }

  test.after(() => world.close())
}

test.run()
