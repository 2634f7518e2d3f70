/**
 * `kmeshc test SNAPSHOT TESTS`: route tests that live beside the configuration, and which routes they reach. JSON: proto/test.schema.json. Exit 1 when a test fails;
 * with --strict also when a route is reached by none.
 */
import { analyse } from '../compile.ts'
import { errorsOnly } from '../diag/errors-only.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { readTests } from '../expect/read-tests.ts'
import { runText } from '../expect/run-text.ts'
import { readSources } from '../sources.ts'
import { testSnapshot } from '../test-snapshot.ts'
import { finish } from './report.ts'
import { openSnapshot, type SnapshotArguments } from './snapshot.ts'

/** routes without a test that the text lists */
const MOST_ROUTES = 50

export interface TestArguments extends Omit<SnapshotArguments, 'snapshot'> {
  readonly snapshot: string
  readonly tests: string
}

export function testCommand(args: TestArguments): number {
  const diag = createDiagnostics()
  const { sources, options } = openSnapshot({ ...args, snapshot: [args.snapshot] }, diag)
  const files = readSources([args.tests], diag)
  const tests = files.flatMap((source) => readTests(source, diag))
  const analysis = analyse(sources, options, errorsOnly(diag), () => undefined)
  const { locate } = analysis.input
  const { json, strict } = args
  if (diag.failed) return finish({ diag, locate, json, strict })
  const run = testSnapshot(tests, analysis, diag)
  const { results, coverage } = run
  const failed = results.filter(({ passed }) => !passed).length
  if (json) {
    const unreached = coverage.unreached.map((route) => ({ ...route, ...locate(route.path) }))
    const tested = results.map(({ place, ...result }) => ({ ...result, ...place }))
    return finish({
      diag,
      locate,
      json,
      strict,
      result: { passed: results.length - failed, failed, tests: tested, coverage: { ...coverage, unreached } },
    })
  }
  const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined
  process.stdout.write(runText(run, { colour, most: MOST_ROUTES, locate }))
  return failed > 0 || (strict && coverage.unreached.length > 0) ? 1 : 0
}
