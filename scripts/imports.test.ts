import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { IO_FILES, importsIn, importsOf, RULES, sourceFiles, violation } from './imports.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = sourceFiles(root)
const graph = files.flatMap((file) => importsOf(root, file))
const shipped = graph.filter(({ file }) => !file.endsWith('.test.ts'))
const found = (file: string, text: string): readonly string[] => importsIn(file, text).flatMap((one) => violation(one) ?? [])

test('nobody imports what the table does not allow', () => {
  assert.ok(shipped.length > 200)
  assert.equal(
    shipped.flatMap((one) => violation(one) ?? []),
    [],
  )
})

test('the table is about folders and files that exist', () => {
  for (const folder of Object.keys(RULES)) assert.ok(existsSync(join(root, folder)), folder)
  for (const allowed of Object.values(RULES).flatMap(({ values, types }) => [...values, ...types]))
    assert.ok(existsSync(join(root, allowed)), allowed)
  for (const file of Object.keys(IO_FILES)) assert.ok(existsSync(join(root, file)), file)
})

test('it notices each kind of violation', () => {
  assert.equal(found('compiler/parse/a.ts', "import { toPlan } from '../lower/to-plan.ts'").length, 1)
  assert.equal(found('compiler/ir/a.ts', "import type { Plan } from '../lower/plan.ts'").length, 1, 'types do not flow backwards')
  assert.equal(
    found('compiler/lower/a.ts', "import { type Program, toProgram } from '../ir/program.ts'").length,
    1,
    'one value makes it a value import',
  )
  assert.equal(found('runtime/a.ts', "import type { Plan } from '../compiler/lower/plan.ts'").length, 1)
  assert.equal(found('runtime/a.ts', "const x = await import('../compiler/compile.ts')").length, 1)
  assert.equal(found('runtime/a.ts', "export { x } from '../compiler/compile.ts'").length, 1)
  assert.equal(found('proto/a.ts', "let x: import('../runtime/pins.ts').Pins").length, 1)
  assert.equal(found('proto/a.ts', "import '../runtime/pins.ts'").length, 1)
  assert.equal(found('compiler/lower/a.ts', "import { readFileSync } from 'node:fs'").length, 1)
  assert.equal(found('compiler/lower/a.ts', "import { spawn } from 'child_process'").length, 1)
  assert.equal(found('compiler/a.ts', "import { spawn } from 'node:child_process'").length, 1)
  assert.equal(found('runtime/a.ts', "import koffi from 'koffi'").length, 1)
  assert.equal(found('compiler/fetch/a.ts', "import { Client } from '@grpc/grpc-js'").length, 1)
})

test('it allows what is meant to be', () => {
  assert.equal(
    found(
      'compiler/lower/a.ts',
      "import type { Program } from '../ir/program.ts'\nimport { chain } from '../../proto/abi.ts'\nimport { b } from './b.ts'",
    ),
    [],
  )
  assert.equal(
    found('compiler/lower/a.ts', "import { type Program } from '../ir/program.ts'\nimport { createHash } from 'node:crypto'"),
    [],
  )
  assert.equal(found('compiler/compile.ts', "import { toPlan } from './lower/to-plan.ts'"), [])
  assert.equal(found('runtime/sys/a.ts', "import koffi from 'koffi'\nimport { readFileSync } from 'node:fs'"), [])
})

test('what is shipped imports only packages that are installed with it', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  const undeclared = shipped.filter(
    ({ file, target, kind, origin }) =>
      origin === 'package' && kind === 'value' && !file.startsWith('scripts/') && dependencies[target] === undefined,
  )
  assert.equal(undeclared, [])
})

test('every import of a file of ours leads to one', () => {
  const missing = graph.filter(({ origin, target }) => origin === 'own' && !existsSync(join(root, target)))
  assert.equal(
    missing.map(({ file, target }) => `${file} imports ${target}`),
    [],
  )
})

test.run()
