import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { INGRESS_BUDGET } from '../../proto/http/sockets.ts'
import { makeRequestWorld, type RequestWorld, type Client } from './world.ts'

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: service.example\r\n${more}\r\n`

/** /slow... is user space's, /deny... is answered here, /b... goes to the second cluster, the rest to the first. */
const ANSWER = `
  __u8 first = request->head[request->path + 1 & 4095], second = request->head[request->path + 2 & 4095];
  request->timeout = 15000;
  request->cluster = first == 'b';
  if (first == 's' && second == 'l') { request->reason = KM_SLOW_ROUTE; return KM_HTTP_SLOW; }
  if (first != 'd' || second != 'e') return KM_HTTP_FORWARD;
  __builtin_memcpy(request->out, "HTTP/1.1 403 Forbidden\\r\\ncontent-length: 6\\r\\n\\r\\ndenied", 53);
  request->out_length = 53;
  return KM_HTTP_REPLY;`

const world = await makeRequestWorld({ clusters: [[23231], [23232]], answer: ANSWER })

/** A client whose connection the kernel routes, and pools for it. */
async function ready(at: RequestWorld = world): Promise<Client> {
  const client = at.client()
  await client.connect('warm')
  for (const path of ['/length/1', '/bigger/length/1']) {
    await client.send('warm', get(path))
    await client.read('warm')
    await client.step({ op: 'close', name: 'warm' })
    await client.connect('warm')
  }
  await pause(50)
  await client.connect('a')
  return client
}

test('1: a request that is passed does not follow the one before it in the same send', async () => {
  const client = await ready()
  for (let i = 0; i < 5; i++) {
    await client.connect('one')
    await client.send('one', get('/length/1') + get('/slow/1') + get('/deny'))
    const responses = await client.read('one', { count: 2 })
    assert.equal(
      responses.map(({ status }) => status),
      [200, 599],
    )
    assert.is(responses[1]?.text, get('/slow/1') + get('/deny'))
    await client.step({ op: 'close', name: 'one' })
  }
  client.stop()
})

test('1: nor does one that is passed on a connection that was redirected before', async () => {
  const client = await ready()
  await client.send('a', get('/length/1'))
  await client.read('a')
  await client.send('a', get('/slow/1'))
  assert.is((await client.read('a'))[0]?.text, get('/slow/1'))
  client.stop()
})

test('local replies: alone, in a row, several in one send, before and after forwarded ones', async () => {
  const client = await ready()
  for (let i = 0; i < 20; i++) {
    await client.send('a', get('/deny'))
    assert.is((await client.read('a'))[0]?.text, 'denied')
  }
  await client.send('a', get('/deny') + get('/deny', 'X-Long: 12345678901234567890\r\n') + get('/deny'))
  assert.equal(
    (await client.read('a', { count: 3 })).map(({ text }) => text),
    ['denied', 'denied', 'denied'],
  )
  await client.send('a', get('/deny') + get('/length/3'))
  assert.equal(
    (await client.read('a', { count: 2 })).map(({ status }) => status),
    [403, 200],
  )
  const post = `POST /deny HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5000)}`
  await client.send('a', post)
  assert.is((await client.read('a'))[0]?.text, 'denied')
  await client.send('a', get('/length/3'))
  assert.is((await client.read('a'))[0]?.text, '012')
  client.stop()
})

test('2: a slow reader holds no more than the budget', async () => {
  const client = await ready()
  const before = tcpPages()
  for (let i = 0; i < 4; i++) {
    await client.connect(`slow${i}`)
    await client.send(`slow${i}`, get('/length/50000000'))
  }
  await pause(1500)
  const held = (tcpPages() - before) * 4096
  assert.ok(held < 4 * (INGRESS_BUDGET + (12 << 20)), `${held} bytes`)
  for (let i = 0; i < 4; i++) await client.step({ op: 'abort', name: `slow${i}` })
  client.stop()
})

test('3: bodies of the largest size from many clients arrive whole', async () => {
  const client = await ready()
  const size = 40_000
  const request = `POST /length/1 HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`
  const counts = await client.step<Record<string, number>>({
    op: 'flood',
    address: world.address,
    port: world.port,
    request,
    clients: 12,
    each: 40,
  })
  assert.is((counts['200'] ?? 0) + (counts['599'] ?? 0), 480, JSON.stringify(counts))
  assert.ok((counts['200'] ?? 0) > 200, JSON.stringify(counts))
  client.stop()
})

for (const servers of ['observed', 'elsewhere'] as const) {
  test(`4: a reply of 1 MB does not stall (${servers})`, async () => {
    const own = await makeRequestWorld({ clusters: [[23233], [23234]], servers, answer: ANSWER })
    const client = await ready(own)
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      await client.send('a', get('/length/1000000'))
      assert.is((await client.read('a'))[0]?.length, 1_000_000)
      times.push(performance.now() - start)
    }
    assert.ok(Math.min(...times) < 100, times.join(' '))
    own.close()
  })
}

test('5: replies before the holder accepts', async () => {
  const patient = await makeRequestWorld({ clusters: [[23235], [23236]], answer: ANSWER, patience: 150 })
  const client = await ready(patient)
  for (const length of [1, 100_000, 2_000_000]) {
    await client.connect('new')
    await client.send('new', get(`/length/${length}`))
    assert.is((await client.read('new'))[0]?.length, length)
    await client.step({ op: 'close', name: 'new' })
  }
  patient.close()
})

test('6: pipelined requests to different servers are answered in order', async () => {
  const client = await ready()
  await client.send('a', get('/wait/150') + get('/bigger/length/1'))
  const responses = await client.read('a', { count: 2 })
  assert.equal(
    responses.map(({ status }) => status),
    [200, 599],
  )
  client.stop()
})

test('6: a request that is sent while the response of the one before is under way', async () => {
  const client = await ready()
  await client.send('a', get('/wait/150'))
  await client.send('a', get('/bigger/length/1'))
  assert.equal(
    (await client.read('a', { count: 2 })).map(({ status }) => status),
    [200, 599],
  )
  client.stop()
})

test('10: bytes behind a response do not reach anybody', async () => {
  const client = await ready()
  await client.send('a', get('/extra'))
  const [response] = await client.read('a')
  assert.is(response?.text, 'ok')
  await pause(200)
  await client.send('a', get('/length/3'))
  const [next] = await client.read('a')
  assert.is.not(next?.text, 'evil')
  client.stop()
})

test('11: a server that closes behind a response is not used again', async () => {
  const client = await ready()
  await client.send('a', get('/length/2', 'Connection: close\r\n'))
  assert.is((await client.read('a'))[0]?.length, 2)
  await world.heard(/^spent/)
  client.stop()
})

for (const how of ['sendto', 'option'] as const) {
  test(`13: early bytes (${how}) are user space's, and so is the connection from then on`, async () => {
    const client = await ready()
    await client.connect('early', { early: get('/length/1'), how })
    const [response] = await client.read('early')
    assert.is(response?.status, 599)
    await client.send('early', get('/length/1'))
    assert.is((await client.read('early'))[0]?.status, 599)
    assert.match(world.said().at(-1) as string, / early /)
    client.stop()
  })
}

test('13: nor does a program see what a send() that waits for the connection inside the kernel sends', async () => {
  const own = await makeRequestWorld({ clusters: [[23239], [23240]], answer: ANSWER, backlog: 1 })
  const client = await ready(own)
  const early = own.client()
  await early.connect('started')
  await early.step({ op: 'close', name: 'started' })
  await pause(50)
  own.hold('SIGSTOP')
  await pause(100)
  for (let i = 0; i < 2; i++) await client.connect(`full${i}`)
  const connected = early.connect('early', { early: get('/length/1'), how: 'waiting' })
  await pause(100)
  own.hold('SIGCONT')
  await connected
  assert.is((await early.read('early'))[0]?.status, 599)
  await early.send('early', get('/length/1'))
  assert.is((await early.read('early'))[0]?.status, 599)
  assert.match(own.said().at(-1) as string, / early /)
  own.close()
})

test('beyond the limit of its cluster a request is answered here, as Envoy does', async () => {
  const own = await makeRequestWorld({ clusters: [[23241], [23242]], answer: ANSWER, maxConnections: 1 })
  const client = await ready(own)
  await client.send('a', get('/wait/300'))
  await client.connect('b')
  await client.send('b', get('/length/1'))
  const [refused] = await client.read('b')
  assert.equal(refused, {
    status: 503,
    headers: {
      'content-length': '81',
      'content-type': 'text/plain',
      'x-envoy-overloaded': 'true',
      server: 'envoy',
      date: 'Sun, 06 Nov 1994 08:49:37 GMT',
    },
    length: 81,
    sha256: refused?.sha256,
    text: 'upstream connect error or disconnect/reset before headers. reset reason: overflow',
  })
  await client.send('b', get('/length/1').replace('GET', 'HEAD'))
  assert.is((await client.read('b', { method: 'HEAD' }))[0]?.status, 503)
  assert.is((await client.read('a'))[0]?.status, 200)
  await client.send('b', get('/length/1'))
  assert.is((await client.read('b'))[0]?.status, 200)
  own.close()
})

test('the name of the peer is what was dialled', async () => {
  const client = await ready()
  assert.equal(await client.step({ op: 'peer', name: 'a' }), [world.address, world.port])
  client.stop()
})

test('an apply under open connections: the next request is decided by it', async () => {
  const own = await makeRequestWorld({ clusters: [[23237], [23238]], answer: ANSWER })
  const client = await ready(own)
  await client.send('a', get('/length/1'))
  assert.is((await client.read('a'))[0]?.status, 200)
  await own.apply({ answer: ANSWER.replace("first == 'b'", "first == 'l'").replace('403 Forbidden', '401 Forbidden') })
  await client.send('a', get('/deny'))
  assert.is((await client.read('a'))[0]?.status, 401)
  await client.send('a', get('/length/1'))
  assert.is((await client.read('a'))[0]?.headers['x-port'], '23238')
  own.close()
})

test('a client that goes in mid-response takes nothing with it', async () => {
  const client = await ready()
  for (let i = 0; i < 10; i++) {
    await client.connect('gone')
    await client.send('gone', get('/wait/30'))
    await client.step({ op: i % 2 ? 'abort' : 'close', name: 'gone' })
  }
  await pause(100)
  for (let i = 0; i < 20; i++) {
    await client.send('a', get(`/length/${i + 1}`))
    const [response] = await client.read('a')
    if (response?.status === 200) assert.is(response.length, i + 1)
  }
  client.stop()
})

test('a server that dies in mid-response does not stop the others', async () => {
  const client = await ready()
  await client.send('a', get('/die'))
  await pause(100)
  await client.connect('b')
  for (let i = 0; i < 10; i++) {
    await client.send('b', get('/length/4'))
    assert.is((await client.read('b'))[0]?.text, '0123')
  }
  client.stop()
})

function tcpPages(): number {
  return Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1] ?? 0)
}

test.after(() => world.close())
test.run()
