/** Every code of the compiler is shown by a fixture that is called after it, or named by a test. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codes } from './codes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const FOLDERS = ['compiler', 'runtime', 'proto', 'scripts']
/** What a test cannot bring about within its time and memory, or without taking the machine's compiler away. */
const OUT_OF_REACH = new Set(['KM1007', 'KM1501', 'KM1601', 'KM1602', 'KM1603'])

const fixtures = new Set(readdirSync(join(root, 'fixtures')).flatMap((name) => /^km(\d{4})-/.exec(name)?.[1] ?? []))
const named = new Set(
  FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  )
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => readFileSync(file, 'utf8').match(/KM\d{4}/g) ?? []),
)

test('every code has a fixture or a test', () => {
  const missing = Object.keys(codes).filter(
    (code) => code < 'KM9' && !fixtures.has(code.slice(2)) && !named.has(code) && !OUT_OF_REACH.has(code),
  )
  assert.equal(missing, [])
})

test('at least 60 codes have a fixture, and every such fixture has a code', () => {
  assert.ok(fixtures.size >= 60, `${fixtures.size}`)
  assert.equal(
    [...fixtures].filter((digits) => !Object.hasOwn(codes, `KM${digits}`)),
    [],
  )
})

test.run()
