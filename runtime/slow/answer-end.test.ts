import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createAnswerEnd } from './answer-end.ts'

const CASES: readonly (readonly [bytes: string, place: 'within' | 'end' | 'beyond', method?: 'HEAD'])[] = [
  ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no', 'within'],
  ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', 'end'],
  ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\r\n', 'beyond'],
  ['HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 'end'],
  ['HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nx', 'beyond'],
  ['HTTP/1.1 204 No\r\n\r\n', 'end'],
  ['HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\n', 'end'],
  ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 'end', 'HEAD'],
  ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345', 'beyond', 'HEAD'],
  ['HTTP/1.1 103 Early\r\nlink: a\r\n\r\n', 'within'],
  ['HTTP/1.1 103 Early\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', 'end'],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n', 'within'],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nt: 1\r\n\r\n', 'end'],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1', 'beyond'],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n', 'beyond'],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n', 'beyond'],
  ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 'beyond'],
  ['HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 2\r\n\r\nok', 'beyond'],
  ['HTTP/1.1 200 OK\r\n\r\nuntil the end', 'beyond'],
  ['HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n', 'beyond'],
  ['HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', 'beyond'],
]

for (const [bytes, place, method = 'other'] of CASES) {
  test(`${JSON.stringify(bytes)} is ${place}${method === 'HEAD' ? ' for HEAD' : ''}, in one piece and byte by byte`, () => {
    for (const size of [bytes.length, 1]) {
      const end = createAnswerEnd(method)
      for (let at = 0; at < bytes.length; at += size) end.push(Buffer.from(bytes.slice(at, at + size), 'latin1'))
      assert.is(end.place, place)
    }
  })
}

test.run()
