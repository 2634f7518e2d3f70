/** The HTTP benchmark runs, and its report is what its schema says. What it measures is no test's business: the machine may be busy. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../commands.ts'
import { CONTESTANTS, type HttpReport, WORLDS } from './report.ts'

const folder = mkdtempSync(join(tmpdir(), 'kmesh-bench-http-test-'))
const file = join(folder, 'out.json')
test.after(() => rmSync(folder, { recursive: true }))

function bench(...args: readonly string[]): { readonly report: HttpReport; readonly stdout: string } {
  const argv = ['--import', 'tsx', join(ROOT, 'scripts/bench-http/main.ts'), '--json', file, ...args]
  const { status, stderr, stdout } = spawnSync(process.execPath, argv, { cwd: ROOT, encoding: 'utf8' })
  assert.is(status, 0, stderr)
  return { report: JSON.parse(readFileSync(file, 'utf8')) as HttpReport, stdout }
}

test('every contestant answers every request from the server it names, on the node and on another one', () => {
  const { report, stdout } = bench('--rounds', '1', '--seconds', '0.1', '--only', 'connect-16', 'one-cpu')
  assert.equal(report.skipped, [])
  for (const world of WORLDS)
    assert.equal(
      report.traffic.filter((one) => one.world === world && one.measure === 'one-cpu').map(({ contestant }) => contestant),
      CONTESTANTS,
    )
  assert.is(report.traffic.length, 2 * 2 * CONTESTANTS.length)
  for (const { contestant, measure, failed, requests, rate, p50, p99, ownCpu } of report.traffic) {
    assert.is(failed, 0, `${contestant} ${measure}`)
    for (const value of [requests, rate.median, p50.median, p99.median, ownCpu.median]) assert.ok(value > 0, `${contestant} ${measure}`)
  }
  for (const word of ['direct', 'haproxy', 'all on one CPU']) assert.match(stdout, word)
})

test('wrk is understood, and the run time of the programs is counted', () => {
  const chart = join(folder, 'chart.svg')
  const { report } = bench(
    ...[
      '--rounds',
      '1',
      '--only',
      'keepalive-16',
      'routes',
      '--worlds',
      'node',
      '--contestants',
      'kmesh',
      '--routes',
      '10',
      '--chart',
      chart,
    ],
  )
  assert.equal(report.skipped, [])
  assert.equal(
    report.traffic.map(({ contestant, failed }) => [contestant, failed]),
    [
      ['direct', 0],
      ['kmesh', 0],
    ],
  )
  const [measured] = report.routes
  assert.equal([measured?.routes, measured?.failed], [10, 0])
  const request = measured?.programs.find(({ name }) => name === 'km_request')
  assert.ok(request !== undefined && request.runs > 100 && request.nanoseconds > 0)
  assert.is(readFileSync(chart, 'utf8').match(/<rect/g)?.length, 4)
})

test.run()
