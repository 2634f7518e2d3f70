/**
 * `kmeshc golden check|bless DIR`: a directory of snapshots and blessed outputs, for CI of configurations. JSON: proto/golden.schema.json.
 * check exits 1 when an output is not as blessed or a route test fails; bless rewrites the blessed files and shows what changed in them.
 */
import { join } from 'node:path'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { errorsOnly } from '../diag/errors-only.ts'
import { plain } from '../diag/render.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { compareCase, type FileResult } from '../golden/compare-case.ts'
import type { DiffLine } from '../golden/line-diff.ts'
import { renderCase } from '../golden.ts'
import { caseNames, readBlessed, readCase, writeBlessed } from './golden-files.ts'
import { finish } from './report.ts'

export interface GoldenArguments {
  readonly action: 'check' | 'bless'
  readonly directory: string
  /** cases whose name has this in it */
  readonly only?: string | undefined
  readonly json: boolean
}

interface CaseResult {
  readonly name: string
  readonly files: readonly FileResult[]
}

/** lines of the difference of one file that a text shows */
const MOST_LINES = 60
const COLOURS: Readonly<Record<DiffLine['sign'], string>> = { '+': '32', '-': '31', '@': '36', ' ': '0' }

export function goldenCommand({ action, directory, only, json }: GoldenArguments): number {
  const diag = createDiagnostics()
  const names = caseNames(directory).filter((name) => only === undefined || name.includes(only))
  if (names.length === 0) report(diag, 'KM1911', `"${directory}" has no case${only === undefined ? '' : ` whose name has "${only}" in it`}`)
  const cases = names.map((name): CaseResult => {
    const now = renderCase(readCase(directory, name, diag), errorsOnly(diag))
    const files = compareCase(readBlessed(directory, name), now)
    if (action === 'check') tell(directory, name, files, diag)
    else writeBlessed(directory, name, now, diag)
    return { name, files }
  })
  if (!json) process.stdout.write(text(action, cases))
  const shown = cases.map(({ name, files }) => ({
    name,
    files: files.map(({ file, state, diff }) => ({ file, state, diff: diff.map(({ sign, text: line }) => `${sign}${line}`) })),
  }))
  return finish({ diag, locate: () => undefined, json, strict: false, result: { action, cases: shown } })
}

function tell(directory: string, name: string, files: readonly FileResult[], diag: Diagnostics): void {
  const say = (state: FileResult['state'], code: keyof typeof FIXES, what: string): void => {
    const found = files.filter((one) => one.state === state).map(({ file }) => file)
    if (found.length > 0)
      report(diag, code, `${join(directory, name, 'blessed')}: ${found.join(', ')} ${found.length === 1 ? 'is' : 'are'} ${what}`)
  }
  if (files.every(({ state }) => state === 'missing')) return report(diag, 'KM1912', `${join(directory, name)} was never blessed`)
  say('different', 'KM1913', 'not what the case gives now')
  say('missing', 'KM1912', 'made now and was never blessed')
  say('stale', 'KM1914', 'no longer made')
}

const FIXES = {
  KM1911: 'make DIR/NAME/snapshot.json, then run kmeshc golden bless DIR',
  KM1912: 'run kmeshc golden bless and commit the file',
  KM1913: 'repair the snapshot, or accept the change with kmeshc golden bless',
  KM1914: 'remove the file, or run kmeshc golden bless',
} as const

function report(diag: Diagnostics, code: keyof typeof FIXES, message: string): void {
  diag.report({ code, severity: 'error', path: '', message, fix: FIXES[code] })
}

function text(action: GoldenArguments['action'], cases: readonly CaseResult[]): string {
  const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined
  const paint = (line: string, sgr: string): string => (colour && sgr !== '0' ? `\u001b[${sgr}m${line}\u001b[0m` : line)
  const words = {
    same: 'same',
    different: 'different',
    missing: action === 'check' ? 'never blessed' : 'new',
    stale: action === 'check' ? 'stale' : 'removed',
  }
  const lines = cases.flatMap(({ name, files }) => {
    const changed = files.filter(({ state }) => state !== 'same')
    if (changed.length === 0) return [`ok    ${plain(name)}`]
    return [
      `${action === 'check' ? 'FAIL' : 'bless'}  ${plain(name)}`,
      ...changed.flatMap(({ file, state, diff }) => {
        const shown = diff.slice(0, MOST_LINES)
        const more = diff.length - shown.length
        return [
          `  ${plain(file)}: ${words[state]}`,
          ...shown.map(({ sign, text: line }) => paint(`    ${sign} ${plain(line)}`, COLOURS[sign])),
          ...(more > 0 ? [`    and ${more} more lines`] : []),
        ]
      }),
    ]
  })
  const bad = cases.filter(({ files }) => files.some(({ state }) => state !== 'same')).length
  return [
    ...lines,
    `${cases.length} case${cases.length === 1 ? '' : 's'}, ${bad} ${action === 'check' ? 'not as blessed' : 'blessed anew'}`,
    '',
  ].join('\n')
}
