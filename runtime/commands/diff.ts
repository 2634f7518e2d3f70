/** `kmesh-runtime diff`: does the kernel hold what the artifact says? Exit 1 when it does not. JSON: proto/drift.schema.json. */
import { coded } from '../coded-error.ts'
import { drift, type DriftReport, isDrifted } from '../drift/drift.ts'
import { faultText } from '../drift/structure.ts'
import { openTrusted } from '../open-trusted.ts'
import { type Format, finish } from './output.ts'
import { countText } from './quantity.ts'

export interface DiffArguments {
  readonly artifact: string
  readonly trust?: string
  readonly instance: string
  readonly format: Format
}

export function diffCommand(args: DiffArguments): Promise<number> {
  return finish(args.format, () => {
    const report = drift(args.instance, openTrusted(args.artifact, args.trust).artifact)
    const findings = isDrifted(report)
      ? coded('KM9133', `generation ${report.generation} of instance ${report.instance} drifted`).findings
      : []
    return { json: { ...report }, text: driftText(report), findings }
  })
}

const SHOWN = 40

export function driftText(report: DriftReport): string {
  const { instance, generation, tables, entries, faults, missingOwners, record } = report
  if (!isDrifted(report)) return `generation ${generation} of instance ${instance}: the kernel holds what the artifact says\n`
  const lines = [
    `generation ${generation} of instance ${instance}:`,
    ...tables.map(({ table, missing, extra, changed }) => `  ${table}: ${missing} missing, ${extra} too many, ${changed} changed`),
    ...entries.slice(0, SHOWN).map(({ table, kind, entry }) => `    ${SIGN[kind]} ${table} ${entry}`),
    ...(entries.length > SHOWN ? [`    ... ${entries.length - SHOWN} more; --json has all`] : []),
    ...faults.map((fault) => `  ${faultText(fault)}`),
    ...(missingOwners === 0 ? [] : [`  ${countText(missingOwners, 'state row is', 'state rows are')} gone`]),
    ...record.map((field) => `  record: ${field}`),
  ]
  return `${lines.join('\n')}\n`
}

const SIGN = { missing: '-', extra: '+', changed: '~' } as const
