/** `kmesh-runtime plan`: what an apply would do. JSON: proto/plan.schema.json, which is also what -o writes and apply --plan takes. */
import { writeFileSync } from 'node:fs'
import { machine } from '../machine.ts'
import { openTrustedOrDelta } from '../open-trusted.ts'
import { type PlanReport, plan } from '../plan/plan.ts'
import { planDelta } from '../plan/plan-delta.ts'
import { watchInterruption } from './interruption.ts'
import { type Format, finish } from './output.ts'
import { bytesText, countText } from './quantity.ts'

export interface PlanArguments {
  readonly artifact: string
  readonly trust?: string
  readonly instance: string
  readonly cgroup?: string
  readonly diverted: 'refuse' | 'pass'
  readonly foreign: 'refuse' | 'allow'
  readonly keep?: number
  /** -o */
  readonly output?: string
  readonly format: Format
}

export function planCommand(args: PlanArguments): Promise<number> {
  return finish(args.format, async () => {
    const opened = openTrustedOrDelta(args.artifact, args.trust)
    const { instance, diverted, cgroup, keep, output, foreign } = args
    const common = {
      instance,
      host: machine({ foreign, existing: 'count' }),
      steps: watchInterruption().check,
      ...(keep === undefined ? {} : { keep }),
    }
    const { warnings, ...report } =
      opened.kind === 'delta'
        ? await planDelta({ ...common, delta: opened.delta })
        : await plan({ ...common, artifact: opened.artifact, diverted, ...(cgroup === undefined ? {} : { cgroup }) })
    if (output !== undefined) writeFileSync(output, `${JSON.stringify({ ...report, diagnostics: warnings }, null, 2)}\n`)
    return { json: { ...report }, text: planText({ ...report, warnings }), findings: warnings }
  })
}

const SHOWN = 20

function planText(report: PlanReport): string {
  const { changes, inForce, bytes, programs, links, clears, connections, entries } = report
  const lines = [
    `plan for instance ${report.instance}: ${inForce.generation === 0 ? 'nothing is in force yet' : `generation ${inForce.generation} is in force`}`,
    `  artifact     ${report.artifact}${report.artifact === inForce.artifact ? ', which is in force already' : ''}`,
    '',
    ...changeLines('listener', changes.listeners, ({ name }) => name),
    ...changeLines('cluster', changes.clusters, ({ name, endpointsAdded, endpointsRemoved, other }) =>
      [name, ...endpointsAdded.map((address) => `+${address}`), ...endpointsRemoved.map((address) => `-${address}`), ...other].join(' '),
    ),
    ...changeLines('route', changes.routes, ({ name }) => name),
    `  entries      ${entries.listenerKeys} listener addresses, ${entries.endpoints} endpoints, ${entries.states} state rows (${entries.newStates} new)`,
    ...(report.delta === undefined ? [] : [`  delta        ${deltaText(report.delta)}`]),
    ...(report.spare === undefined || report.spare.now >= report.spare.after ? [] : [`  spare rows   ${spareText(report.spare)}`]),
    `  programs     ${programs.load.length === 0 ? 'all loaded already' : `load ${programs.load.join(', ')}`}`,
    `  links        ${linkText(links)}`,
    `  memory       ${bytesText(bytes.made)} more, ${bytesText(bytes.shared)} shared with generations that are kept`,
    ...(clears.length === 0 ? [] : [`  clears       generation ${clears.join(', ')}`]),
    `  connections  established ones stay${connections.nextRequest === 'same' ? '' : '; requests meet the new routes from the next one on'}${
      connections.udpEndpointsLeaving === 0 ? '' : `; UDP sockets leave ${connections.udpEndpointsLeaving} endpoints`
    }`,
  ]
  return `${lines.join('\n')}\n`
}

function deltaText({ room, clusters, rows, spare }: NonNullable<PlanReport['delta']>): string {
  const written = `${countText(rows, 'row')}, ${countText(clusters, 'cluster')}`
  return room === 'none'
    ? `no room for ${written}: the whole artifact has to be applied`
    : `${written}; ${countText(spare, 'row')} spare then`
}

function spareText({ now, after }: NonNullable<PlanReport['spare']>): string {
  return `deltas may still take ${now}; all rows are put in their place, then they may take ${after}`
}

function changeLines<T>(
  what: string,
  { added, changed, removed }: { readonly added: readonly string[]; readonly changed: readonly T[]; readonly removed: readonly string[] },
  text: (one: T) => string,
): readonly string[] {
  const lines = [
    ...added.map((name) => `  + ${what} ${name}`),
    ...changed.map((one) => `  ~ ${what} ${text(one)}`),
    ...removed.map((name) => `  - ${what} ${name}`),
  ]
  return lines.length <= SHOWN ? lines : [...lines.slice(0, SHOWN), `    ... ${lines.length - SHOWN} more; --json has all`]
}

function linkText({ attach, update, move }: PlanReport['links']): string {
  const parts = [
    ...(attach.length === 0 ? [] : [`attach ${attach.length}`]),
    ...(update.length === 0 ? [] : [`update ${update.length}`]),
    ...(move.length === 0 ? [] : [`move ${move.length} to the cgroup that was made again`]),
  ]
  return parts.length === 0 ? 'as they are' : parts.join(', ')
}
