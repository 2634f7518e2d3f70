/** Real snapshots: KMESH_DATA names their directory. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { placed } from '../diag/place.ts'
import { renderText } from '../diag/render.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { measureCoverage } from './coverage.ts'
import { readInput } from './read.ts'

const root = join(process.env.KMESH_DATA ?? '', 'snapshots')
const files = existsSync(root)
  ? readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(json|ya?ml)$/.test(file))
  : []

test('every file is read: resources, or coded errors with a place; each quickly', () => {
  let resources = 0
  for (const file of files) {
    const begin = performance.now()
    const diag = createDiagnostics()
    const input = readInput([{ name: file, bytes: readFileSync(join(root, file)) }], diag)
    const found = placed(diag.list, input.locate)
    renderText(found, { colour: false })
    measureCoverage(input.resources, { fields: {}, prefixes: {} })
    for (const one of found) assert.ok(one.code === 'KM1011' || (one.line ?? 0) > 0, `${file} ${one.code} ${one.path}`)
    assert.ok(input.resources.length > 0 || found.length > 0, file)
    assert.ok(performance.now() - begin < 10_000, file)
    resources += input.resources.length
  }
  assert.ok(files.length === 0 || resources > files.length, `${resources} resources in ${files.length} files`)
})

test.run()
