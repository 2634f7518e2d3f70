/** Large snapshots are what they say: every form holds the same resources, and the compiler takes them. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { examine } from '../../compiler/compile.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { FORMS, type Form, written } from './forms.ts'
import { largeSnapshot, SHAPES, type Shape } from './shapes.ts'
import { writeLarge } from './write.ts'

const UNITS = 5

function taken(shape: Shape, form: Form) {
  const pieces = [...written(form, largeSnapshot(shape, UNITS))].map((piece) => Buffer.from(piece))
  const diag = createDiagnostics()
  const options = { resolve: new Map(), addresses: [], plaintextTo: new Set<string>(), strict: false }
  const { input, coverage } = examine([{ name: 'large', bytes: Buffer.concat(pieces) }], options, diag, () => undefined)
  return { paths: input.resources.map(({ path }) => path), errors: diag.list.filter(({ severity }) => severity === 'error'), coverage }
}

for (const shape of SHAPES) {
  test(`${shape}: the same resources in every form, and no error`, () => {
    const first = taken(shape, 'resources')
    assert.ok(first.paths.length >= UNITS)
    assert.ok(Object.values(first.coverage.classes).reduce((sum, count) => sum + count, 0) > 5 * UNITS)
    for (const form of FORMS) {
      const { paths, errors, coverage } = taken(shape, form)
      assert.equal(errors, [], form)
      assert.equal(paths, first.paths, form)
      assert.is(coverage.unclassified, 0, form)
    }
  })
}

test('a file has the size that was asked for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-limits-'))
  try {
    for (const [shape, form] of [
      ['hosts', 'resources'],
      ['routes', 'dump'],
      ['clusters', 'binary'],
    ] as const) {
      const file = join(folder, `${shape}.${form}`)
      const size = writeLarge(shape, form, 1e6, file)
      assert.is(statSync(file).size, size)
      assert.ok(Math.abs(size - 1e6) < 1e5, `${shape} ${form}: ${size}`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
