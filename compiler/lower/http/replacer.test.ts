import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  REPLACE_CLASSES,
  REPLACE_DEAD,
  REPLACE_EDGE,
  REPLACE_END,
  REPLACE_HERE,
  REPLACE_NONE,
  REPLACE_UNSURE,
} from '../../../proto/http/replacing.ts'
import { HTTP_ROW_SIZE } from '../../../proto/http/tables.ts'
import { createRegex } from '../../match/regex.ts'
import { seeded } from '../../../scripts/probes/random.ts'
import { replacerRows } from './replacer.ts'
import { readSubstitution } from './substitution.ts'

/** What bpf/lib/http/replace.h does, in a few lines; undefined: the automaton cannot say it. */
function replaced(pattern: string, substitution: string, text: string): string | undefined {
  const parts = readSubstitution(substitution)
  if (parts === undefined) return undefined
  const groups = [...new Set(parts.flatMap((part) => (part.kind === 'group' && part.group > 0 ? [part.group] : [])))]
  const rows = replacerRows(pattern, groups)
  if (rows === undefined) return undefined
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength)
  const classOf = (at: number): number => rows[HTTP_ROW_SIZE + text.charCodeAt(at)] as number
  let out = ''
  let from = 0
  let last = -1
  for (;;) {
    let state = view.getUint16((from === 0 ? REPLACE_EDGE : classOf(from - 1)) * 2, true)
    let registers = Array.from({ length: 16 }, () => -1)
    let match: number[] | undefined
    for (let at = from; ; at++) {
      const column = at === text.length ? REPLACE_EDGE : classOf(at)
      if (column === REPLACE_UNSURE) return undefined
      const row = (9 + state * REPLACE_CLASSES + column) * HTTP_ROW_SIZE
      registers[REPLACE_HERE] = at
      registers[REPLACE_NONE] = -1
      const before = [...registers]
      const taken = (field: number, count: number): number[] =>
        Array.from(
          { length: count },
          (_, index) => before[Number((view.getBigUint64(row + field, true) >> BigInt(4 * index)) & 15n)] as number,
        )
      const places = view.getUint16(row + 6, true)
      if (places > 0) {
        match = taken(16, places)
        match[REPLACE_END] = at
      }
      state = view.getUint32(row, true)
      if (state === REPLACE_DEAD) break
      const count = view.getUint16(row + 4, true)
      if (count > 0) registers = [...taken(8, count), ...before.slice(count)]
    }
    if (match === undefined) return out + text.slice(from)
    const [begin = 0] = match
    const end = match[REPLACE_END] as number
    if (begin === last && begin === end) {
      if (from >= text.length) return out
      out += text[from]
      from++
      continue
    }
    out += text.slice(from, begin)
    for (const part of parts) {
      if (part.kind === 'text') out += part.text
      else if (part.group === 0) out += text.slice(begin, end)
      else {
        const index = groups.indexOf(part.group)
        const [first = -1, second = -1] = match.slice(1 + 2 * index)
        if (first >= 0 && second >= 0) out += text.slice(first, second)
      }
    }
    from = end
    last = end
  }
}

test('regexes of real configurations', () => {
  const ask = (pattern: string, substitution: string, text: string): string | undefined => replaced(pattern, substitution, text)
  assert.is(ask('/([^/]+)/([^/?]+)', '/\\2/\\1', '/a/bc/d/e/f'), '/bc/a/e/d/f')
  assert.is(ask('x*', '-', '/axxb'), '-/-a-b-')
  assert.is(ask('(?i)/FOO', '/bar', '/foo/Foo'), '/bar/bar')
  assert.is(ask('^/v1', '/\\0\\\\', '/v1/v1'), '//v1\\/v1')
  assert.is(ask('^/([^/?]+).*$', '\\1.svc', '/abc/def'), 'abc.svc')
  assert.is(ask('(a)|b', '[\\1]', 'ab'), '[a][]')
  assert.is(ask('a', '\\1', 'a'), undefined)
})

const ATOMS = ['a', 'b', '/', '.', '[^/]', '[a-c]', '\\d', '^', '$', '\\b', '(?i)B', '\\w', 'ab', '(?:a|ab)', '\\B', '\\x{e9}']
const TIMES = ['', '', '', '*', '+', '?', '*?', '+?', '??', '{1,2}', '{2}']

test('what is found and kept of it is what RE2 finds, for random patterns, substitutions and texts', () => {
  const random = seeded(3)
  const pattern = (depth: number): string => {
    const pieces = Array.from({ length: random.whole(1, 3) }, () => {
      const atom = depth > 0 && random.chance(0.4) ? `(${pattern(depth - 1)})` : random.one(ATOMS)
      return /^[\^$]|^\\[bB]/.test(atom) ? atom : atom + random.one(TIMES)
    })
    return random.chance(0.2) ? `${pieces.join('')}|${random.one(ATOMS)}` : pieces.join('')
  }
  let asked = 0
  const wrong: unknown[] = []
  for (let number = 0; number < 2000; number++) {
    const source = pattern(2)
    const substitution = Array.from({ length: random.whole(0, 3) }, () => random.one(['\\0', '\\1', '\\2', '-', '\\\\', 'xy'])).join('')
    const regex = createRegex(source)
    for (let turn = 0; turn < 4; turn++) {
      const text = Array.from({ length: random.whole(0, 9) }, () => random.one(['a', 'b', 'c', '/', '1', 'B', '.'])).join('')
      const got = replaced(source, substitution, text)
      if (got === undefined) continue
      asked++
      const want = regex.replaceAll(text, substitution)
      if (got !== want) wrong.push({ source, substitution, text, got, want })
    }
  }
  assert.equal(wrong.slice(0, 5), [], `${wrong.length} of ${asked}`)
  assert.ok(asked > 3000, String(asked))
})

test.run()
