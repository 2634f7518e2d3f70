import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SLOW_REASONS } from '../../proto/http/sockets.ts'
import { type Random, seeded } from '../probes/random.ts'
import { openParser } from './open-parser.ts'

const parser = await openParser()
const START = 'GET /a HTTP/1.1\r\nHost: shop.example\r\n'
/** What a value may have in it, besides what every parser takes. */
const TAKEN = ['\t', '\x80', '\xa0', '\xff', '\xfe\x7e', '\xc3\xa4', ' ']
const REFUSED = ['\0', '\x01', '\n', '\r', '\x0b', '\x1f', '\x7f', '\xff\x7f', '\xff\x01', '\x80\r']

/** A value of any length, so that what is in it stands anywhere in a word and a window. */
function randomValue(random: Random, more: readonly string[]): string {
  const parts = Array.from({ length: random.whole(0, 3) }, () => 'v'.repeat(random.whole(0, 70)) + random.one(more))
  return `v${parts.join('')}${'v'.repeat(random.whole(0, 40))}v`
}

function linesOf(random: Random): readonly string[] {
  return Array.from(
    { length: random.whole(1, 12) },
    (_, index) => `x-${'n'.repeat(random.whole(1, 30))}${index}: ${randomValue(random, TAKEN)}\r\n`,
  )
}

test('heads end where their empty line is, whatever stands in their values', () => {
  const random = seeded(63)
  for (let i = 0; i < 1500; i++) {
    const head = `${START}${linesOf(random).join('')}\r\n`
    if (head.length > 4000) continue
    const body = random.chance(0.3) ? 'body'.repeat(random.whole(1, 20)) : ''
    const answer = parser.ask(head + body)
    assert.is(answer.result, 'whole', JSON.stringify(head))
    assert.is(answer.headLength, head.length, JSON.stringify(head))
  }
})

test('a control character anywhere is refused', () => {
  const random = seeded(64)
  for (let i = 0; i < 1500; i++) {
    const lines = [...linesOf(random)]
    lines.splice(
      random.whole(0, lines.length),
      0,
      `x-odd: ${randomValue(random, TAKEN)}${random.one(REFUSED)}${randomValue(random, TAKEN)}\r\n`,
    )
    const head = `${START}${lines.join('')}\r\n`
    if (head.length > 4000) continue
    const { result, reason } = parser.ask(head)
    assert.is(result, 'slow', JSON.stringify(head))
    assert.is(reason, SLOW_REASONS.syntax, JSON.stringify(head))
  }
})

test('what has not come is waited for', () => {
  const random = seeded(65)
  for (let i = 0; i < 300; i++) {
    const head = `${START}${linesOf(random).join('')}\r\n`
    if (head.length > 4000) continue
    const length = random.whole(1, head.length - 1)
    assert.is(parser.ask(head.slice(0, length)).result, 'more', JSON.stringify(head.slice(0, length)))
  }
})

test.after(() => parser.close())
test.run()
