/** The quick reader of YAML against the whole parser, over real snapshots: KMESH_DATA names their directory. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readQuickly } from './yaml-quick.ts'
import { parseTrees, VALUES } from './yaml-text.ts'

const root = process.env.KMESH_DATA ?? ''
const files = existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.ya?ml$/.test(file)) : []

test(`the same values in ${files.length} files`, () => {
  let taken = 0
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8')
    const values = readQuickly(text, VALUES)
    if (values === undefined) continue
    taken++
    const { documents, mistakes } = parseTrees(text)
    assert.equal(mistakes, [], file)
    assert.ok(
      isDeepStrictEqual(
        values,
        documents.map(({ value }) => value),
      ),
      file,
    )
  }
  assert.ok(taken >= files.length * 0.9, `${taken} of ${files.length} are read quickly`)
})

test.run()
