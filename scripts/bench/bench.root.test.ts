/** The benchmark runs, and its report is what its schema says. What it measures is no test's business: the machine may be busy. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../commands.ts'
import type { Report } from './report.ts'

test('one short round: every contestant answers every request', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-bench-test-'))
  const args = ['--import', 'tsx', join(ROOT, 'scripts/bench/main.ts'), '--quick', '--rounds', '1', '--json', join(folder, 'out.json')]
  try {
    const { status, stderr, stdout } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
    assert.is(status, 0, stderr)
    const report = JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as Report
    assert.equal(report.skipped, [])
    assert.equal(
      [...new Set(report.traffic.map(({ contestant }) => contestant))],
      ['direct', 'control', 'passed', 'kmesh', 'envoy', 'haproxy'],
    )
    for (const { contestant, mode, failed, rate } of report.traffic) {
      assert.is(failed, 0, `${contestant} ${mode}`)
      assert.ok(rate.median > 0, `${contestant} ${mode}`)
    }
    const [apply] = report.apply
    assert.is(apply?.entries, 11_000)
    assert.ok((apply?.entriesPerSecond.median ?? 0) > 0)
    assert.ok((apply?.kernelBytesPerEndpoint ?? 0) > 0)
    const [large] = report.large
    assert.ok((large?.cpuSeconds.median ?? 0) > 0)
    assert.ok((large?.peakMiB.median ?? 0) > 50 && (large?.mostMiB ?? 0) > 150)
    for (const word of ['direct', 'haproxy', 'entries/s', 'peak MiB', 'check of large snapshots']) assert.match(stdout, word)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
