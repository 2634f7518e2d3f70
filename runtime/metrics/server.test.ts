import { connect, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codesOf } from '../../scripts/kit/codes-of.ts'
import { placeOf } from '../commands/metrics.ts'
import { createSamples, type Samples } from './samples.ts'
import { serveMetrics } from './server.ts'

let readings = 0
let big = 1
const read = async (): Promise<Samples> => {
  readings++
  const samples = createSamples()
  for (let cluster = 0; cluster < big; cluster++) samples.add('clusterConnections', [`cluster ${cluster} ${'x'.repeat(200)}`], 1)
  return samples
}
const HOST = '127.66.0.9'
const served = await serveMetrics({ host: HOST, port: 0, read, patience: 6000 })
const port = Number(served.place.split(':')[1])
const url = `http://${served.place}/metrics`

const ask = async (text: string): Promise<string> => {
  const socket = connect(port, HOST)
  socket.end(text)
  let answer = ''
  for await (const piece of socket.setEncoding('utf8')) answer += piece
  return answer
}

test('GET and HEAD of /metrics, nothing else', async () => {
  const got = await fetch(url, { headers: { accept: 'application/openmetrics-text' } })
  assert.is(got.status, 200)
  assert.is(got.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  assert.match(await got.text(), /# EOF\n$/)
  const plain = await fetch(`${url}?x=1`)
  assert.is(plain.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const body = await plain.text()
  const head = await fetch(url, { method: 'HEAD' })
  assert.is(head.headers.get('content-length'), String(Buffer.byteLength(body)))
  assert.is(await head.text(), '')
  for (const path of ['/', '/metricsx', '/metrics/', '/../metrics/x'])
    assert.is((await fetch(`http://${served.place}${path}`)).status, 404, path)
  const posted = await fetch(url, { method: 'POST', body: 'x' })
  assert.is(posted.status, 405)
  assert.is(posted.headers.get('allow'), 'GET, HEAD')
  assert.match(await ask(`GET http://elsewhere/metrics HTTP/1.1\r\nhost: x\r\n\r\n`), /^HTTP\/1\.1 404/)
})

test('a reading serves all who ask within a second', async () => {
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const before = readings
  await Promise.all(Array.from({ length: 20 }, () => fetch(url).then((response) => response.text())))
  assert.is(readings, before + 1)
})

test('nobody can hold it: silent, slow, endless and many connections', async () => {
  big = 20_000
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const hostile: Socket[] = []
  const closed: Promise<unknown>[] = []
  for (let i = 0; i < 80; i++) {
    const socket = connect(port, HOST).on('error', () => undefined)
    hostile.push(socket)
    closed.push(new Promise((resolve) => socket.once('close', resolve)))
    if (i % 4 === 1) socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\nx: ')
    // asks and never reads
    if (i % 16 === 2) socket.pause().write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
    if (i % 4 === 3) socket.write(`GET /${'x'.repeat(100_000)}`)
  }
  const text = await (await fetch(url)).text()
  assert.ok(text.length > 4_000_000)
  for (const socket of hostile) socket.resume()
  await Promise.all(closed)
  big = 1
})

test('a port that somebody has, and places that are none', async () => {
  assert.equal(await codesOf(() => serveMetrics({ host: HOST, port, read })), ['KM9602'])
  for (const text of ['', 'x', 'example.org:1', '127.0.0.1', '127.0.0.1:70000', '::1:80', '[127.0.0.1]:80', '127.0.0.1:80:80'])
    assert.equal(await codesOf(() => placeOf(text)), ['KM9602'], text)
  assert.equal(placeOf('9464'), { host: '127.0.0.1', port: 9464 })
  assert.equal(placeOf('[::1]:9464'), { host: '::1', port: 9464 })
  assert.equal(placeOf('localhost:9464'), { host: 'localhost', port: 9464 })
})

test('what cannot be read is 503', async () => {
  const failing = await serveMetrics({ host: HOST, port: 0, read: () => Promise.reject(new Error('no')) })
  assert.is((await fetch(`http://${failing.place}/metrics`)).status, 503)
  await failing.close()
})

test.after(() => served.close())

test.run()
