/**
 * What a golden case says, as files: everything about a configuration that a reviewer wants to see change. In: a snapshot, options, tests. Out: texts by file name:
 *
 *   diagnostics.txt   findings, without file positions (they move with every edit)     coverage.txt   how many set fields ended in which class
 *   routes.txt        route configurations in routing terms, every field              ir.txt         the meaning at layer 4 (`compile --emit ir`)
 *   plan.txt          the kernel's tables (`compile --emit plan`)                      tests.txt      results of the route tests, and routes that none reaches
 */
import { type AnalyseOptions, analyse } from './compile.ts'
import type { Diagnostic, Diagnostics } from './diag/diagnostic.ts'
import { renderText } from './diag/render.ts'
import { placed } from './diag/place.ts'
import { createDiagnostics } from './diag/sink.ts'
import type { Item } from './diff/item.ts'
import { itemText } from './diff/item-text.ts'
import { snapshotItems } from './diff/snapshot-items.ts'
import { readTests } from './expect/read-tests.ts'
import { runText } from './expect/run-text.ts'
import type { Source } from './input/text.ts'
import { printProgram } from './ir/print.ts'
import { printPlan } from './lower/print.ts'
import { testSnapshot } from './test-snapshot.ts'

export interface GoldenCase {
  readonly sources: readonly Source[]
  readonly options: AnalyseOptions
  readonly tests: Source | undefined
}

/** `diag` gets what is wrong with the tests, and tests that fail. */
export function renderCase({ sources, options, tests }: GoldenCase, diag: Diagnostics): ReadonlyMap<string, string> {
  const own = createDiagnostics()
  const analysis = analyse(sources, options, own, () => undefined)
  const { input, program, plan, coverage } = analysis
  const files = new Map<string, string>()
  const put = (name: string, lines: string | readonly string[]): void => {
    const text = (typeof lines === 'string' ? lines : lines.join('\n')).trimEnd()
    if (text !== '') files.set(name, `${text}\n`)
  }
  put('diagnostics.txt', renderText(placed(own.list, input.locate).map(withoutPlace), { colour: false, most: Number.POSITIVE_INFINITY }))
  put('coverage.txt', [
    ...Object.entries(coverage.classes).map(([name, count]) => `${name} ${count}`),
    `unclassified ${coverage.unclassified}`,
  ])
  if (own.failed) return files
  put('routes.txt', itemText(routeItems(snapshotItems(input.resources))))
  put('ir.txt', printProgram(program))
  put('plan.txt', printPlan(plan))
  const list = tests === undefined ? [] : readTests(tests, diag)
  if (list.length > 0) {
    const run = testSnapshot(list, analysis, diag)
    put('tests.txt', runText(run, { colour: false, most: Number.POSITIVE_INFINITY, locate: () => undefined }))
  }
  return files
}

function withoutPlace({ file: _file, line: _line, column: _column, ...rest }: Diagnostic): Diagnostic {
  return rest
}

/** Route configurations, also those inside of listeners. */
function routeItems(items: readonly Item[]): readonly Item[] {
  return items.flatMap((item): readonly Item[] => {
    if (item.kind === 'route_configuration') return [item]
    return routeItems(item.parts).map((part): Item => ({ ...part, name: `${part.name} in ${item.name}` }))
  })
}
