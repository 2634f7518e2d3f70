/** The diff over real snapshots, where they are: each equals itself in another order, and every difference of two is found in both directions. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from '../input/read.ts'
import { type Change, compareItems } from './compare.ts'
import type { Item } from './item.ts'
import { itemText } from './item-text.ts'
import { changeLines } from './lines.ts'
import { snapshotItems } from './snapshot-items.ts'

const DATA = process.env.KMESH_DATA ?? ''
const SNAPSHOTS = join(DATA, 'snapshots')

const count = (changes: readonly Change[], change: Change['change']): number =>
  changes.reduce((sum, one) => sum + (one.change === change ? 1 : 0) + count(one.parts, change), 0)

if (existsSync(SNAPSHOTS)) {
  const files = readdirSync(SNAPSHOTS, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(json|ya?ml)$/.test(name) && statSync(join(SNAPSHOTS, name)).isFile())
    .sort()

  test('real snapshots', () => {
    let before: readonly Item[] = []
    for (const name of files) {
      const bytes = readFileSync(join(SNAPSHOTS, name))
      const { resources } = readInput([{ name, bytes }], createDiagnostics())
      const items = snapshotItems(resources)
      assert.equal(compareItems(items, snapshotItems([...resources].reverse())), [], name)
      assert.is(itemText(items).length > 0, items.length > 0, name)
      const [there, back] = [compareItems(before, items), compareItems(items, before)]
      assert.equal([count(there, 'added'), count(there, 'removed')], [count(back, 'removed'), count(back, 'added')], name)
      assert.ok(changeLines(there).every(({ text }) => !text.includes('\n')))
      before = items
    }
    assert.ok(files.length > 100)
  })
}

test.run()
