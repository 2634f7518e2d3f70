import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BODY_MAX, SLOW_REASONS, type SlowReason } from '../../proto/http/sockets.ts'
import { until } from '../kit/holder-world.ts'
import { makeRequestWorld } from './world.ts'

const world = await makeRequestWorld({ clusters: [[23221]] })
const client = world.client()
const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex')
const host = 'Host: service.example\r\n'

test('a pool is there', async () => {
  await client.connect('warm')
  await client.send('warm', `GET /length/1 HTTP/1.1\r\n${host}\r\n`)
  await client.read('warm')
  await world.heard(/^opened 23221 16/)
})

interface Splits {
  readonly count: number
  readonly wrong: readonly unknown[]
}

const heads: Readonly<Record<string, string>> = {
  short: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  usual: `GET /a/b?c=d HTTP/1.1\r\n${host}User-Agent: test\r\nAccept: */*\r\nX-Tab:\ta b\t\r\n\r\n`,
  'with a body': `POST /length/4 HTTP/1.1\r\n${host}Content-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz`,
  'of two blocks': `GET /length/4 HTTP/1.1\r\n${host}X-Long: ${'y'.repeat(480)}\r\n\r\n`,
  'of many blocks': `GET /length/4 HTTP/1.1\r\n${host}X-Long: ${'y'.repeat(1500)}\r\n\r\n`,
}
for (const [name, request] of Object.entries(heads)) {
  test(`a head ${name}, split at every byte, reaches the server as it was`, async () => {
    const splits = await client.step<Splits>({ op: 'splits', address: world.address, port: world.port, request, keep: true })
    assert.equal(splits, { count: request.length - 1, wrong: [] })
  })
}

test('one byte at a time', async () => {
  const request = heads['with a body'] as string
  await client.connect('bytes')
  await client.send('bytes', ...request)
  const [response] = await client.read('bytes')
  assert.is(response?.headers['x-got'], sha256(request))
})

for (const size of [1, 100, 4000, 4096, 16_384, BODY_MAX]) {
  test(`a body of ${size} bytes, in one piece and in many`, async () => {
    const request = `POST /length/2 HTTP/1.1\r\n${host}Content-Length: ${size}\r\n\r\n${'b'.repeat(size)}`
    const parts = Array.from({ length: 40 }, (_, i) => request.slice((i * request.length) / 40, ((i + 1) * request.length) / 40))
    await client.connect('body')
    for (const pieces of [[request], parts, [request.slice(0, 70), request.slice(70)]]) {
      await client.send('body', ...pieces)
      const [response] = await client.read('body')
      assert.is(response?.headers['x-got'], sha256(request), JSON.stringify(response))
    }
  })
}

test('heads of all lengths up to the limit', async () => {
  await client.connect('lengths')
  const bare = `GET /length/1 HTTP/1.1\r\n${host}X-Fill: \r\n\r\n`.length
  for (let length = bare + 1; length <= 4096; length += length < 600 ? 1 : 97) {
    const request = `GET /length/1 HTTP/1.1\r\n${host}X-Fill: ${'f'.repeat(length - bare)}\r\n\r\n`
    await client.send('lengths', request)
    const [response] = await client.read('lengths')
    assert.is(response?.headers['x-got'], sha256(request), `${length} ${response?.status}`)
  }
})

const refused: readonly (readonly [what: string, reason: SlowReason, request: string])[] = [
  ['a bare line feed', 'syntax', `GET / HTTP/1.1\n${host}\r\n`],
  ['a bare line feed between headers', 'syntax', `GET / HTTP/1.1\r\nA: b\nHost: a\r\n\r\n`],
  ['a bare carriage return', 'syntax', `GET / HTTP/1.1\r\n${host}A: b\rc\r\n\r\n`],
  ['a carriage return twice', 'syntax', `GET / HTTP/1.1\r\r\n${host}\r\n`],
  ['a carriage return before the colon', 'syntax', `GET / HTTP/1.1\r\n${host}A\r: b\r\n\r\n`],
  ['an empty line first', 'version', `\r\nGET / HTTP/1.1\r\n${host}\r\n`],
  ['NUL', 'syntax', `GET / HTTP/1.1\r\n${host}A: b\0c\r\n\r\n`],
  ['DEL', 'syntax', `GET / HTTP/1.1\r\n${host}A: b\x7fc\r\n\r\n`],
  ['a control character', 'syntax', `GET / HTTP/1.1\r\n${host}A: b\x0bc\r\n\r\n`],
  ['a folded line', 'syntax', `GET / HTTP/1.1\r\n${host}A: b\r\n c\r\n\r\n`],
  ['a folded line with a tab', 'syntax', `GET / HTTP/1.1\r\n${host}A: b\r\n\tc\r\n\r\n`],
  ['a blank before the colon', 'syntax', `GET / HTTP/1.1\r\n${host}A : b\r\n\r\n`],
  ['a tab before the colon', 'syntax', `GET / HTTP/1.1\r\n${host}A\t: b\r\n\r\n`],
  ['a name with a parenthesis', 'syntax', `GET / HTTP/1.1\r\n${host}A(: b\r\n\r\n`],
  ['a name beyond ASCII', 'syntax', `GET / HTTP/1.1\r\n${host}A\xe9: b\r\n\r\n`],
  ['no colon', 'syntax', `GET / HTTP/1.1\r\n${host}A\r\n\r\n`],
  ['no name', 'syntax', `GET / HTTP/1.1\r\n${host}: b\r\n\r\n`],
  ['a pseudo header', 'syntax', `GET / HTTP/1.1\r\n${host}:path: /b\r\n\r\n`],
  ['HTTP/1.0', 'version', `GET / HTTP/1.0\r\n${host}\r\n`],
  ['HTTP/1.2', 'version', `GET / HTTP/1.2\r\n${host}\r\n`],
  ['http/1.1', 'version', `GET / http/1.1\r\n${host}\r\n`],
  ['no version', 'version', `GET /\r\n${host}\r\n`],
  ['the preface of HTTP/2', 'version', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a blank behind the version', 'version', `GET / HTTP/1.1 \r\n${host}\r\n`],
  ['CONNECT', 'target', `CONNECT a:80 HTTP/1.1\r\n${host}\r\n`],
  ['an unknown method', 'target', `BREW / HTTP/1.1\r\n${host}\r\n`],
  ['a method in lower case', 'target', `get / HTTP/1.1\r\n${host}\r\n`],
  ['two blanks', 'target', `GET  / HTTP/1.1\r\n${host}\r\n`],
  ['a blank in the target', 'target', `GET /a b HTTP/1.1\r\n${host}\r\n`],
  ['a tab for a blank', 'target', `GET\t/ HTTP/1.1\r\n${host}\r\n`],
  ['an absolute target', 'target', `GET http://service.example/ HTTP/1.1\r\n${host}\r\n`],
  ['the asterisk', 'target', `OPTIONS * HTTP/1.1\r\n${host}\r\n`],
  ['a number sign', 'target', `GET /a#b HTTP/1.1\r\n${host}\r\n`],
  ['a target beyond ASCII', 'target', `GET /\xe9 HTTP/1.1\r\n${host}\r\n`],
  ['no host', 'ambiguous', 'GET / HTTP/1.1\r\nA: b\r\n\r\n'],
  ['two hosts', 'ambiguous', `GET / HTTP/1.1\r\n${host}Host: b\r\n\r\n`],
  ['two equal hosts', 'ambiguous', `GET / HTTP/1.1\r\n${host}${host}\r\n`],
  ['two lengths', 'ambiguous', `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
  ['two equal lengths', 'ambiguous', `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
  ['a list of lengths', 'ambiguous', `POST / HTTP/1.1\r\n${host}Content-Length: 1, 1\r\n\r\na`],
  ['a length with a sign', 'ambiguous', `POST / HTTP/1.1\r\n${host}Content-Length: +1\r\n\r\na`],
  ['a negative length', 'ambiguous', `POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\na`],
  ['a hexadecimal length', 'ambiguous', `POST / HTTP/1.1\r\n${host}Content-Length: 0x1\r\n\r\na`],
  ['an empty length', 'ambiguous', `POST / HTTP/1.1\r\n${host}Content-Length:\r\n\r\n`],
  ['a length of 20 digits', 'ambiguous', `POST / HTTP/1.1\r\n${host}Content-Length: 18446744073709551617\r\n\r\na`],
  ['a long body', 'body_size', `POST / HTTP/1.1\r\n${host}Content-Length: ${BODY_MAX + 1}\r\n\r\na`],
  ['a very long body', 'body_size', `POST / HTTP/1.1\r\n${host}Content-Length: 4294967297\r\n\r\na`],
  ['a coding', 'chunked', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['an odd coding', 'chunked', `POST / HTTP/1.1\r\n${host}TRANSFER-ENCODING: identity\r\n\r\n`],
  ['Expect', 'hop', `POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n`],
  ['Upgrade', 'hop', `GET / HTTP/1.1\r\n${host}Upgrade: websocket\r\n\r\n`],
  ['TE', 'hop', `GET / HTTP/1.1\r\n${host}TE: trailers\r\n\r\n`],
  ['a Connection with a name', 'hop', `GET / HTTP/1.1\r\n${host}Connection: keep-alive, X-A\r\n\r\n`],
  ['Keep-Alive', 'hop', `GET / HTTP/1.1\r\n${host}Keep-Alive: 5\r\n\r\n`],
  ['Proxy-Connection', 'hop', `GET / HTTP/1.1\r\n${host}Proxy-Connection: close\r\n\r\n`],
  ['HTTP2-Settings', 'hop', `GET / HTTP/1.1\r\n${host}HTTP2-Settings: a\r\n\r\n`],
  ["one of Envoy's own", 'special_header', `GET / HTTP/1.1\r\n${host}X-Envoy-Max-Retries: 3\r\n\r\n`],
  ['a head beyond the limit', 'head_size', `GET / HTTP/1.1\r\n${host}A: ${'b'.repeat(4096)}\r\n\r\n`],
  ['a line that does not end', 'head_size', `GET /${'a'.repeat(5000)}`],
]
for (const [what, reason, request] of refused) {
  test(`${what} is user space's`, async () => {
    await client.connect('refused')
    await client.send('refused', request)
    const [response] = await client.read('refused')
    assert.is(response?.status, 599)
    assert.is(response?.text ?? request, request)
    const said = new RegExp(`slow reason ${SLOW_REASONS[reason]}$`)
    // the event may come behind the answer
    await until(`${said}`, () => said.test(world.said().at(-1) ?? ''))
    assert.match(world.said().at(-1) as string, said)
    await client.step({ op: 'close', name: 'refused' })
  })
}

const taken: Readonly<Record<string, string>> = {
  'blanks around a value': `GET /length/1 HTTP/1.1\r\n${host}Content-Length: \t 0 \t\r\n\r\n`,
  'no blank': 'GET /length/1 HTTP/1.1\r\nHost:a\r\n\r\n',
  'many lines': `GET /length/1 HTTP/1.1\r\n${host}${Array.from({ length: 60 }, (_, i) => `X-${i}: ${'v'.repeat(i)}\r\n`).join('')}\r\n`,
  'values beyond ASCII': `GET /length/1 HTTP/1.1\r\n${host}X-A: \xe9\xff\r\n\r\n`,
  'an empty host': 'GET /length/1 HTTP/1.1\r\nHost:\r\n\r\n',
  'an empty value': `GET /length/1 HTTP/1.1\r\n${host}X-A:\r\n\r\n`,
  'names in capitals': `GET /length/1 HTTP/1.1\r\nHOST: a\r\nCONTENT-LENGTH: 1\r\n\r\nx`,
  'leading zeros': `POST /length/1 HTTP/1.1\r\n${host}Content-Length: 0003\r\n\r\nabc`,
  'keep-alive': `GET /length/1 HTTP/1.1\r\n${host}Connection: Keep-Alive\r\n\r\n`,
  'a query': `GET /length/1?a=b?c HTTP/1.1\r\n${host}\r\n`,
  'every method': '',
}
for (const [what, request] of Object.entries(taken)) {
  test(`${what}: the kernel's`, async () => {
    const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']
    const requests = request === '' ? methods.map((method) => `${method} /length/1 HTTP/1.1\r\n${host}\r\n`) : [request]
    await client.connect('taken')
    for (const one of requests) {
      await client.send('taken', one)
      const [response] = await client.read('taken')
      assert.is(response?.headers['x-got'], sha256(one), `${response?.status} ${one}`)
    }
    await client.step({ op: 'close', name: 'taken' })
  })
}

test.after(() => world.close())
test.run()
