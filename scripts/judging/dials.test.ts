import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readDials } from './dials.ts'

const good = { id: 'a', protocol: 'udp', address: '10.0.0.1', port: 53, count: 3, socket: 'v6' }

test('a complete line keeps its fields; defaults fill the rest', () => {
  assert.equal(readDials(`${JSON.stringify(good)}\n\n{"id":7,"address":"fd00::1","port":80}\n`), {
    kind: 'dials',
    dials: [
      { ...good, datagram: 'connect' },
      { id: 7, protocol: 'tcp', address: 'fd00::1', port: 80, count: 1, socket: 'v6', datagram: 'connect' },
    ],
  })
})

for (const [change, why] of [
  [{ id: undefined }, 'id'],
  [{ protocol: 'sctp' }, 'protocol'],
  [{ address: 'example' }, 'address'],
  [{ port: 0 }, 'port'],
  [{ port: '80' }, 'port'],
  [{ count: -1 }, 'count'],
  [{ count: 1.5 }, 'count'],
  [{ socket: 'v5' }, 'socket'],
  [{ source: 'x' }, 'source'],
] as const) {
  test(`a wrong ${why} (${JSON.stringify(Object.values(change))}) is named with its line`, () => {
    const read = readDials(`${JSON.stringify(good)}\n${JSON.stringify({ ...good, ...change })}\n`)
    assert.is(read.kind, 'wrong')
    if (read.kind !== 'wrong') return
    assert.is(read.line, 2)
    assert.match(read.why, new RegExp(`"${why}"`))
  })
}

test('text that is no JSON is named with its line', () => {
  assert.equal(readDials('{"id"'), { kind: 'wrong', line: 1, why: 'not JSON' })
})

test.run()
