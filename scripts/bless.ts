/**
 * `npm run bless [FILTER]`: rewrites the snapshots of the fixtures whose name contains FILTER, and then shows what changed in them. CI never calls it.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openToolchain } from '../compiler/emit/clang.ts'
import { fixtureNames } from './golden/fixture.ts'
import { renderFixture, SNAPSHOTS } from './golden/render.ts'

const filter = process.argv[2] ?? ''
const toolchain = await openToolchain()
const unitDirectory = join(SNAPSHOTS, 'units')
if (filter === '') rmSync(unitDirectory, { recursive: true, force: true })
mkdirSync(unitDirectory, { recursive: true })
for (const name of fixtureNames().filter((fixture) => fixture.includes(filter))) {
  const rendered = renderFixture(name, toolchain)
  writeFileSync(join(SNAPSHOTS, `${name}.txt`), rendered.text)
  for (const [unit, text] of rendered.units) writeFileSync(join(unitDirectory, `${unit}.c`), text)
}
spawnSync('git', ['--no-pager', 'diff', '--stat', '-p', '--', SNAPSHOTS], { stdio: 'inherit' })
spawnSync('git', ['status', '--short', '--', SNAPSHOTS], { stdio: 'inherit' })
