/** Two compiles of the same resources, in another order, under another name, in another directory, give the same bytes. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT, command } from '../commands.ts'
import { type Json, resources, shuffled, shuffledKeys } from '../generate.ts'

const sources: readonly (readonly [string, readonly Json[]])[] = [
  ['200 generated services', [...resources({ services: 200, endpoints: 1500, seed: 3, network: 10 })]],
  ['the demo snapshot', JSON.parse(readFileSync(join(ROOT, 'fixtures/demo/canary-10.json'), 'utf8')) as Json[]],
]

for (const [title, list] of sources) {
  test(`${title}: shuffled keys and resources, another directory, the same artifact`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'kmesh-determinism-'))
    const compile = (name: string, value: readonly Json[]): Buffer => {
      const directory = join(folder, name, 'deep'.repeat(name.length))
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, `${name}.json`), JSON.stringify(value, null, name.length))
      const [program, ...rest] = [...command('kmeshc'), 'compile', `${name}.json`, '-o', 'out.tar']
      const { status, stderr } = spawnSync(program, rest, { cwd: directory, encoding: 'utf8' })
      assert.is(status, 0, stderr)
      return readFileSync(join(directory, 'out.tar'))
    }
    try {
      const first = compile('a', list)
      assert.ok(first.length > 1024)
      for (const seed of [1, 2]) {
        const mixed = shuffled(list, seed).map((one) => shuffledKeys(one, seed))
        assert.is.not(JSON.stringify(mixed), JSON.stringify(list))
        assert.ok(first.equals(compile(`other-${seed}`, mixed)), `seed ${seed}`)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

test.run()
