/** Route tests against an analysed snapshot. In: tests and an Analysis. Out: a run (expect/run-tests.ts), and what failed as diagnostics. */
import { evalBalance } from './balance/table.ts'
import { xxHash64Text } from './balance/hash.ts'
import type { Analysis } from './compile.ts'
import type { Diagnostics } from './diag/diagnostic.ts'
import type { RouteTest } from './expect/route-test.ts'
import { runTests, type TestRun } from './expect/run-tests.ts'
import { routeText } from './expect/run-text.ts'
import { parseIp } from '../proto/address/parse-ip.ts'
import { createRouteJudge } from './route-judge.ts'

const NAMED = 3

export function testSnapshot(tests: readonly RouteTest[], { input, program }: Analysis, diag: Diagnostics): TestRun {
  const evaluators = { shares: evalBalance, hash: xxHash64Text }
  const run = runTests(tests, { program, evaluators, judge: createRouteJudge(input.resources, program), ip: parseIp })
  for (const { name, place, failures } of run.results) {
    const [first, ...others] = failures
    if (first === undefined) continue
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    const message = `"${name}": ${first.field} is ${first.actual}, expected ${first.expected}${more}`
    diag.report({ code: 'KM1922', severity: 'error', path: '', message, fix: 'repair the snapshot or the expectation', ...place })
  }
  const { unreached, routes } = run.coverage
  if (unreached.length > 0) {
    const names = unreached.slice(0, NAMED).map(routeText).join('; ')
    const more = unreached.length > NAMED ? ` and ${unreached.length - NAMED} more` : ''
    const message = `${unreached.length} of ${routes} routes are reached by no test: ${names}${more}`
    diag.report({ code: 'KM1923', severity: 'warning', path: unreached[0]?.path ?? '', message, fix: 'add a request for each of them' })
  }
  return run
}
