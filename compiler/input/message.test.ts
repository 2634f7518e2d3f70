/** Messages as numbers: whatever is put in comes out, however much there is of it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Message, MessageStore, RawAny } from './message.ts'
import { envoySchema, type Field, type MessageType } from './schema.ts'
import { rootShape, type Shape } from './shape.ts'

const schema = envoySchema()
const CLUSTER = schema.message('envoy.config.cluster.v3.Cluster') as MessageType
const ASSIGNMENT = schema.message('envoy.config.endpoint.v3.ClusterLoadAssignment') as MessageType

function shapeWith(type: MessageType, ...names: readonly string[]): Shape {
  return names.reduce((shape, name) => shape.with(type.lookup.get(name) as Field), rootShape(type))
}

const NAME = shapeWith(CLUSTER, 'name')
/** a list of messages, a map of messages */
const LIST = shapeWith(ASSIGNMENT, 'endpoints')
const MAP = shapeWith(ASSIGNMENT, 'named_endpoints')

test('single values come back as they were', () => {
  const store = new MessageStore()
  const values = [
    ...[0, -0, 1, -1, 2 ** 29 - 1, 2 ** 29, -(2 ** 29), -(2 ** 29) - 1, 2 ** 53, 0.5, Number.NaN, Number.POSITIVE_INFINITY],
    ...['', 'a', 'ab', 'abc', 'a long text that is met twice', 'a long text that is met twice', 'Ä', '\u0000'],
    ...[true, false, undefined, 2n ** 63n, Uint8Array.of(1, 2), { seconds: 1, nanos: 2 }, [1, [2]], new RawAny('x', 1)],
  ]
  const messages = values.map((value) => store.made(NAME, [value], 0))
  for (const [index, message] of messages.entries()) assert.ok(Object.is(message.at(0), values[index]), String(values[index]))
  assert.is(messages[0]?.at(1), undefined)
  assert.is(messages[0]?.at(-1), undefined)
})

test('lists and maps of messages, also longer than a page, and one by one', () => {
  const store = new MessageStore()
  const child = (name: string): Message => store.made(NAME, [name], 0)
  for (const length of [0, 1, 300, 70_000]) {
    const names = Array.from({ length }, (_, index) => `n${index}`)
    const list = store.made(LIST, [names.map(child)], 0)
    const map = store.made(MAP, [names.map((name) => [`k ${name}`, child(name)])], 0)
    const last = child('behind')
    assert.is(list.count(0), length)
    assert.is(map.count(0), length)
    assert.equal(
      (list.at(0) as Message[]).map((message) => message.at(0)),
      names,
    )
    const entries = map.at(0) as [string, Message][]
    assert.ok(entries.every(([key, held], index) => key === `k ${names[index]}` && held.at(0) === names[index]))
    if (length > 0) {
      assert.is((list.item(0, length - 1) as Message).at(0), `n${length - 1}`)
      assert.is((map.item(0, 0) as [string, Message])[0], 'k n0')
    }
    assert.is(last.at(0), 'behind')
  }
})

test('what was read and marked is of the message, not of the view of it', () => {
  const store = new MessageStore()
  const wide = shapeWith(CLUSTER, ...CLUSTER.fields.slice(0, 40).map(({ name }) => name))
  const values = wide.fields.map(() => undefined)
  const [one, other] = [store.made(wide, values, 0), store.made(wide, values, 0)]
  const again = (message: Message): Message => new Message(store, message.place)
  const mark = { class: 'rejected', reason: 'why' } as const
  for (const slot of [0, 29, 30, 39]) {
    assert.is(one.isRead(slot), false)
    one.setRead(slot)
    assert.is(again(one).isRead(slot), true)
    assert.is(one.mark(slot), undefined)
    again(one).setMark(slot, mark)
    assert.is(one.mark(slot), mark)
    assert.is(one.isRead(slot), true)
  }
  assert.is(one.mark(-1), undefined)
  one.setMark(-1, mark)
  assert.is(again(one).mark(-1), mark)
  assert.is(one.isRead(1), false)
  assert.ok(![-1, 0, 30].some((slot) => other.mark(slot) !== undefined || (slot >= 0 && other.isRead(slot))))
})

test.run()
