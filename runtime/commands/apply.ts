/** `kmesh-runtime apply`: makes an artifact the generation in force. JSON: proto/apply.schema.json. */
import { writeFileSync } from 'node:fs'
import { apply } from '../apply.ts'
import type { ApplyReport } from '../apply-request.ts'
import { awaitConfirmation } from '../await-confirmation.ts'
import { type CodedError, coded } from '../coded-error.ts'
import { machine } from '../machine.ts'
import { PROBE_SECONDS } from '../new-record.ts'
import { openTrustedOrDelta } from '../open-trusted.ts'
import { notingRefusal } from '../runtime-counts.ts'
import type { PlanReport } from '../plan/plan.ts'
import { readPlan, readProbes } from '../plan/read-document.ts'
import type { Probe } from '../probe/probe.ts'
import { runProbes } from '../probe/run-probes.ts'
import { RejectedProgram, tailLines } from '../rejection.ts'
import { applyDelta } from '../delta/apply-delta.ts'
import { deltaResult } from './apply-delta.ts'
import { watchInterruption } from './interruption.ts'
import { type Format, finish, type Result } from './output.ts'
import { bytesText, countText, timeText } from './quantity.ts'

export interface ApplyArguments {
  readonly artifact: string
  /** file or directory of public keys */
  readonly trust?: string
  readonly instance: string
  readonly cgroup?: string
  readonly diverted: 'refuse' | 'pass'
  readonly mode: 'apply' | 'dry-run'
  readonly foreign: 'refuse' | 'allow'
  readonly existing: 'count' | 'reset'
  readonly log: 'tail' | 'file'
  readonly keep?: number
  /** file that `plan -o` wrote */
  readonly plan?: string
  /** file of probes */
  readonly probe?: string
  /** seconds */
  readonly confirmWithin?: number
  readonly format: Format
}

export function applyCommand(args: ApplyArguments): Promise<number> {
  return finish(args.format, async () => {
    const start = performance.now()
    const opened = notingRefusal(args.instance, () => openTrustedOrDelta(args.artifact, args.trust))
    const verify = performance.now() - start
    const { instance, mode, cgroup, keep, confirmWithin } = args
    const result = opened.kind === 'delta' ? opened.delta.config.result : opened.artifact.digest
    const planned = args.plan === undefined ? undefined : planFor(readPlan(args.plan), result, args)
    const probes = args.probe === undefined ? undefined : readProbes(args.probe)
    const interruption = watchInterruption()
    const common = {
      instance,
      mode,
      host: machine(args),
      steps: interruption.check,
      ...(keep === undefined ? {} : { keep }),
      ...(planned === undefined ? {} : { expected: planned.inForce, keep: planned.keep }),
      ...(confirmWithin === undefined ? {} : { confirmBy: Math.floor(Date.now() / 1000) + confirmWithin }),
      ...(probes === undefined ? {} : { probe: (place: string, joined: () => void) => probing(probes, place, joined, interruption.asked) }),
    }
    try {
      if (opened.kind === 'delta') {
        if (cgroup !== undefined) throw coded('KM9139', '--cgroup does not go with a delta: the cgroup stays the one that is governed')
        const report = await applyDelta({ ...common, delta: opened.delta })
        if (mode === 'apply') await confirmed(args, report.generation, interruption.asked)
        return deltaResult(report)
      }
      const { artifact } = opened
      const diverted = planned?.diverted ?? args.diverted
      const report = await apply({ ...common, artifact, diverted, ...(cgroup === undefined ? {} : { cgroup }) })
      if (mode === 'apply') await confirmed(args, report.generation, interruption.asked)
      return shown(report, verify)
    } catch (error) {
      if (error instanceof RejectedProgram && args.format === 'text') showLog(error, args.log)
      throw error
    }
  })
}

/** Waits for `confirm`, where that was asked for. */
async function confirmed(args: ApplyArguments, generation: number, interrupted: Promise<NodeJS.Signals>): Promise<void> {
  const { instance, confirmWithin } = args
  if (confirmWithin === undefined) return
  process.stderr.write(
    `generation ${generation} is in force; it is taken back in ${confirmWithin} s unless \`kmesh-runtime confirm\` comes\n`,
  )
  await awaitConfirmation({ instance, generation, within: confirmWithin * 1000, interrupted, host: machine(args) })
}

/** Checked once more under the lock, as far as it is about what is in force. */
function planFor(plan: PlanReport, digest: string, { instance, cgroup, keep }: ApplyArguments): PlanReport {
  const differs = (what: string, planned: unknown, given: unknown): CodedError =>
    coded('KM9128', `the plan is for ${what} ${planned}, not ${given}`)
  if (plan.artifact !== digest) throw differs('artifact', plan.artifact, digest)
  if (plan.instance !== instance) throw differs('instance', plan.instance, instance)
  if (cgroup !== undefined && plan.cgroup !== cgroup) throw differs('cgroup', plan.cgroup, cgroup)
  if (keep !== undefined && plan.keep !== keep) throw differs('--keep', plan.keep, keep)
  return plan
}

/** All of them in bounded time; a signal meanwhile is a no. */
async function probing(probes: readonly Probe[], cgroup: string, joined: () => void, interrupted: Promise<NodeJS.Signals>): Promise<void> {
  const stop = new AbortController()
  const late = setTimeout(() => stop.abort(coded('KM9129', `the probes took longer than ${PROBE_SECONDS} s`)), PROBE_SECONDS * 1000)
  void interrupted.then((signal) => stop.abort(coded('KM9125', `interrupted by ${signal}; what was in force before is again`)))
  try {
    await runProbes(probes, cgroup, joined, stop.signal)
  } finally {
    clearTimeout(late)
  }
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
