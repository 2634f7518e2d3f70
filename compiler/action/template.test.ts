import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseTemplate, readTemplate, showCommand } from './template.ts'

const command = (name: string, argument?: string, maxLength?: number) => ({ kind: 'command' as const, name, argument, maxLength })

test('text, commands with arguments and lengths, escapes', () => {
  assert.equal(parseTemplate(''), [])
  assert.equal(parseTemplate('plain'), [{ kind: 'text', text: 'plain' }])
  assert.equal(parseTemplate('a%%b'), [{ kind: 'text', text: 'a%b' }])
  assert.equal(parseTemplate('a %REQ(x-a?x-b):10% b%PROTOCOL%'), [
    { kind: 'text', text: 'a ' },
    command('REQ', 'x-a?x-b', 10),
    { kind: 'text', text: ' b' },
    command('PROTOCOL'),
  ])
  assert.equal(parseTemplate('%START_TIME(%Y-%m)%'), [command('START_TIME', '%Y-%m')])
})

test('what is malformed is told with its place, and taken as written', () => {
  for (const [text, position] of [
    ['%', 0],
    ['a%b', 1],
    ['%%%', 2],
    ['%REQ(x', 0],
    ['x%req(a)%', 1],
    ['%REQ(a):x%', 0],
  ] as const)
    assert.equal(parseTemplate(text), { position }, text)
  assert.equal(readTemplate('50% off'), [{ kind: 'text', text: '50% off' }])
})

test('a command is shown as it was written', () => {
  for (const text of ['%REQ(x-a?x-b):10%', '%PROTOCOL%', '%RESP(a)%']) {
    const [part] = readTemplate(text)
    assert.ok(part?.kind === 'command')
    assert.is(showCommand(part), text)
  }
})

test.run()
