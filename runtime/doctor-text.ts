/** The doctor's report for people. In: a report; out: lines, one a check, with its fix below where there is one. */
import { CHECK_GROUPS, type Check } from './doctor-check.ts'
import type { DoctorReport } from './doctor.ts'

const MARK = { ok: 'ok', missing: 'MISSING', unknown: 'unknown' } as const

export function doctorText(report: DoctorReport): string {
  const width = Math.max(...report.checks.map(({ name }) => name.length))
  const lines = CHECK_GROUPS.flatMap((group) => {
    const own = report.checks.filter((check) => check.group === group)
    return own.length === 0 ? [] : [group, ...own.flatMap((check) => checkLines(check, width)), '']
  })
  const missing = report.diagnostics.filter(({ severity }) => severity === 'error').length
  const warnings = report.diagnostics.length - missing
  const verdict =
    report.verdict === 'able' ? 'This machine can run the data plane' : `This machine cannot run the data plane: ${missing} missing`
  return [...lines, `${verdict}${warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`}.`].join('\n')
}

function checkLines(check: Check, width: number): readonly string[] {
  const mark = check.state !== 'ok' && check.level !== 'required' ? 'warning' : MARK[check.state]
  const code = check.state === 'ok' || check.code === undefined ? '' : ` [${check.code}]`
  const line = `  ${mark.padEnd(8)} ${check.name.padEnd(width)}  ${check.detail}${code}`
  return check.state === 'ok' || check.fix === undefined ? [line] : [line, `           fix: ${check.fix}`]
}
