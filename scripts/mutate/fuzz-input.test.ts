/** Some thousand mutated snapshots, always the same ones; `npm run fuzz:input` draws as many as one likes. And that a fault would be noticed. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { envoySchema } from '../../compiler/input/schema.ts'
import { FIXTURES } from '../golden/fixture.ts'
import { readCorpus } from './corpus.ts'
import { drawCase } from './draw-case.ts'
import { execute } from './execute.ts'

const SEED = 8
const CASES = 3000
const schema = envoySchema()
const corpus = readCorpus([FIXTURES])

test(`${CASES} mutated snapshots: nothing is thrown, everything found has a code and every field a class`, () => {
  for (let number = 0; number < CASES; number++) assert.equal(execute(drawCase(corpus, schema, SEED, number)), [], `case ${number}`)
})

test('the same seed draws the same bytes, another one others', () => {
  const drawn = (seed: number): string => JSON.stringify([0, 1, 2, 3, 4].map((number) => drawCase(corpus, schema, seed, number)))
  assert.is(drawn(1), drawn(1))
  assert.not(drawn(1) === drawn(2))
})

test('what is drawn is of every form, and not all of it is refused at the door', () => {
  const first = new Map<number, number>()
  for (let number = 0; number < 500; number++) {
    const letter = drawCase(corpus, schema, SEED, number).bytes[0] ?? 0
    first.set(letter, (first.get(letter) ?? 0) + 1)
  }
  assert.ok((first.get(0x7b) ?? 0) > 50 && (first.get(0x5b) ?? 0) > 50 && (first.get(0x0a) ?? 0) > 30, JSON.stringify([...first]))
})

test('a fault is noticed', () => {
  const source = { name: 'a.json', bytes: Buffer.from('[]') }
  Object.defineProperty(source, 'bytes', {
    get: () => {
      throw new Error('a fault')
    },
  })
  assert.match(execute(source)[0] ?? '', /^thrown: Error: a fault/)
})

test.run()
