import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openToolchain } from '../../compiler/emit/clang.ts'
import { fixtureNames } from './fixture.ts'
import { renderFixture, SNAPSHOTS } from './render.ts'

const toolchain = await openToolchain()
const names = fixtureNames()
const units = new Map<string, string>()

const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')

for (const name of names) {
  test(`fixture ${name}`, () => {
    const rendered = renderFixture(name, toolchain)
    for (const [unit, text] of rendered.units) {
      assert.is(units.get(unit) ?? text, text, `${unit} has two texts: its shape does not decide it`)
      units.set(unit, text)
    }
    assert.fixture(
      rendered.text,
      read(join(SNAPSHOTS, `${name}.txt`)),
      `differs from snapshots/${name}.txt; npm run bless ${name} shows and accepts it`,
    )
  })
}

test('generated C is as blessed', () => {
  for (const [unit, text] of units) assert.fixture(text, read(join(SNAPSHOTS, 'units', `${unit}.c`)), `snapshots/units/${unit}.c differs`)
})

test('every snapshot has a fixture', () => {
  const kept = readdirSync(SNAPSHOTS)
    .filter((file) => file.endsWith('.txt'))
    .map((file) => file.slice(0, -4))
  assert.equal(
    kept.filter((name) => !names.includes(name)),
    [],
  )
  const keptUnits = existsSync(join(SNAPSHOTS, 'units')) ? readdirSync(join(SNAPSHOTS, 'units')).map((file) => file.slice(0, -2)) : []
  assert.equal(
    keptUnits.filter((unit) => !units.has(unit)),
    [],
  )
})

test.run()
