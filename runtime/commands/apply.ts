/** `kmesh-runtime apply`: makes an artifact the generation in force. JSON: proto/apply.schema.json. */
import { writeFileSync } from 'node:fs'
import { openArtifact } from '../../proto/artifact/open.ts'
import { apply } from '../apply.ts'
import type { ApplyReport } from '../apply-request.ts'
import { CodedError } from '../coded-error.ts'
import { machine } from '../machine.ts'
import { RejectedProgram, tailLines } from '../rejection.ts'
import { watchInterruption } from './interruption.ts'
import { type Format, finish, type Result } from './output.ts'
import { bytesText, countText, timeText } from './quantity.ts'

export interface ApplyArguments {
  readonly artifact: string
  readonly instance: string
  readonly cgroup?: string
  readonly diverted: 'refuse' | 'pass'
  readonly mode: 'apply' | 'dry-run'
  readonly foreign: 'refuse' | 'allow'
  readonly existing: 'count' | 'reset'
  readonly log: 'tail' | 'file'
  readonly format: Format
}

export function applyCommand(args: ApplyArguments): Promise<number> {
  return finish(args.format, async () => {
    const start = performance.now()
    const opened = openArtifact(args.artifact)
    if (opened.kind === 'invalid') throw new CodedError([{ severity: 'error', path: '', ...opened.error }])
    const verify = performance.now() - start
    const { instance, diverted, mode, cgroup } = args
    const interruption = watchInterruption()
    try {
      const report = await apply({
        artifact: opened.artifact,
        instance,
        diverted,
        mode,
        host: machine(args),
        steps: interruption.check,
        ...(cgroup === undefined ? {} : { cgroup }),
      })
      return shown(report, verify)
    } catch (error) {
      if (error instanceof RejectedProgram && args.format === 'text') showLog(error, args.log)
      throw error
    }
  })
}

function shown({ warnings, ...report }: ApplyReport, verify: number): Result {
  const times = { verify, ...report.times, total: verify + report.times.total }
  return { json: { ...report, times }, text: reportText({ ...report, warnings, times }, verify), findings: warnings }
}

const SHARED_BY = 1000

function reportText(report: ApplyReport, verify: number): string {
  const { entries, times, memory, sockets, programs } = report
  const loaded = programs.filter(({ source }) => source === 'loaded')
  const verified = loaded.reduce((sum, { verifiedInstructions }) => sum + verifiedInstructions, 0)
  const tables = Object.values(memory.tables).reduce((sum, bytes) => sum + bytes, 0)
  const lines = [
    report.mode === 'dry-run'
      ? `dry run: generation ${report.generation} of instance ${report.instance} would be in force; nothing was changed`
      : `generation ${report.generation} of instance ${report.instance} is in force`,
    `  artifact  ${report.artifact}`,
    `  cgroup    ${report.cgroup}`,
    `  holds     ${countText(entries.listenerKeys, 'listener address', 'listener addresses')}, ${countText(entries.endpoints, 'endpoint')}, ${countText(entries.states, 'state row')} (${entries.newStates} new)`,
    `  verify    ${timeText(verify)}`,
    `  programs  ${timeText(times.programs)}   ${loaded.length === 0 ? 'all still loaded' : `${loaded.length} loaded, ${verified.toLocaleString('en-US')} instructions verified`}`,
    `  make maps ${timeText(times.make)}`,
    `  fill      ${timeText(times.fill)}   ${report.entriesPerSecond.toLocaleString('en-US')} entries/s with making`,
    `  machine   ${timeText(times.machine)}   programs of others, source addresses, live sockets`,
    `  switch    ${timeText(times.switch)}`,
    `  total     ${timeText(times.total)}`,
    `  memory    ${bytesText(tables)} tables, ${bytesText(memory.state)} state, ${bytesText(memory.constant)} constant${shareText(entries.endpoints, memory.perEndpoint)}`,
  ]
  if (sockets.released > 0) lines.push(`  sockets   ${sockets.released} UDP sockets released from endpoints that left`)
  if (sockets.destroyed > 0) lines.push(`  sockets   ${sockets.destroyed} sockets destroyed that were not governed`)
  return `${lines.join('\n')}\n`
}

/** A share says something only where endpoints are many: a small table is mostly its own frame. */
function shareText(endpoints: number, bytes: number): string {
  return endpoints < SHARED_BY ? '' : `; ${bytes} bytes an endpoint`
}

function showLog(error: RejectedProgram, log: ApplyArguments['log']): void {
  if (log === 'file') {
    const file = `verifier-${error.program}.log`
    writeFileSync(file, error.log)
    process.stderr.write(`the whole verifier log is in ${file}\n`)
  }
  process.stderr.write(
    `${tailLines(error.log)
      .map((line) => `  | ${line}`)
      .join('\n')}\n`,
  )
}
