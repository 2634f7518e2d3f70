/**
 * A dense snapshot is read within the memory that it may take: eight times its size and 150 MB, for the whole process. In binary a byte holds the most, so those are tried;
 * each is over the limit when all that is read or lowered of it is held at once. The command is run as users run it; where it is not built, what the loader of TypeScript
 * takes is taken off.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runMeasured } from '../bench/measured.ts'
import { command } from '../commands.ts'
import type { Shape } from './shapes.ts'
import { writeLarge } from './write.ts'

const MIB = 1 << 20
const TIMES = 8
const BESIDE = 150e6
/** what the built command takes for a snapshot of nothing, at least */
const IDLE = 90e6

const folder = mkdtempSync(join(tmpdir(), 'kmesh-memory-'))
const peakOf = (name: 'check' | 'coverage', file: string): number => runMeasured([...command('kmeshc'), name, file]).peakMiB * MIB

test.after(() => rmSync(folder, { recursive: true }))

const nothing = join(folder, 'nothing.json')
writeFileSync(nothing, '[]')
const loader = Math.max(0, peakOf('check', nothing) - IDLE)

for (const [shape, megabytes, name] of [
  ['endpoints', 12, 'check'],
  ['bare', 6, 'coverage'],
] as const satisfies readonly (readonly [Shape, number, 'check' | 'coverage'])[]) {
  test(`${name} of ${megabytes} MB of ${shape} in binary`, () => {
    const file = join(folder, `${shape}.pb`)
    const size = writeLarge(shape, 'binary', megabytes * 1e6, file)
    const peak = peakOf(name, file)
    const most = TIMES * size + BESIDE
    assert.ok(
      peak - loader <= most,
      `${Math.round(peak / 1e6)} MB, of it ${Math.round(loader / 1e6)} for the loader; at most ${Math.round(most / 1e6)}`,
    )
  })
}

test.run()
