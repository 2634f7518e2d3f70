import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from './diag/sink.ts'
import { readResolution } from './resolve.ts'

function read(text: string): { readonly table: Readonly<Record<string, readonly string[]>>; readonly codes: readonly string[] } {
  const diag = createDiagnostics()
  const table = Object.fromEntries(readResolution(text, 'f', diag))
  return { table, codes: diag.list.map(({ code }) => code) }
}

test('a map, a list, lines, and lines as in /etc/hosts', () => {
  for (const text of [
    '{"DB.example.": ["10.0.0.1", "::1"]}',
    '[{"name": "db.example", "addresses": ["10.0.0.1", "::1"]}]',
    '# hosts\ndb.example 10.0.0.1 ::1\n',
    '10.0.0.1 db.example\n::1 db.example\n',
    'db.example: [10.0.0.1, "::1"]\n',
  ])
    assert.equal(read(text), { table: { 'db.example': ['10.0.0.1', '::1'] }, codes: [] }, text)
})

test('what is no address, or has none, is KM1801', () => {
  assert.equal(read('{"a": ["b"]}').codes, ['KM1801'])
  assert.equal(read('a\n').codes, ['KM1801'])
  assert.equal(read('[{"addresses": ["10.0.0.1"]}]').codes, ['KM1801'])
  assert.equal(read('{"a": ').codes, ['KM1801'])
})

test.run()
