/**
 * What applying a delta would do. In: a delta and an instance; out: the same PlanReport as for a whole artifact, with what it takes of the spare rows. Everything is written beside what is in force, looked at as a
 * generation of its own, and emptied again (a dry run). Where there is no room for it, the plan says so, and that the whole artifact has to be applied.
 */
import { RECORD_HAS_UDP } from '../../proto/abi.ts'
import type { Delta } from '../../proto/delta/format.ts'
import type { ApplyHost } from '../apply-request.ts'
import { CodedError, type Finding } from '../coded-error.ts'
import { applyDelta, type DeltaReport, type DeltaRequest } from '../delta/apply-delta.ts'
import { dumpCluster } from '../dump-clusters.ts'
import type { DumpedCluster } from '../dump-report.ts'
import { readStateList } from '../epoch.ts'
import { recordedCgroup } from '../governed-cgroup.ts'
import { type HeldGeneration, openInstance, type OpenInstance, readGeneration, readListeners } from '../held-generation.ts'
import { readKeep } from '../keep.ts'
import { divertedOf, readRecords, recordDigest } from '../record.ts'
import { compareClusters } from './compare.ts'
import { clearedBy, type PlanReport } from './plan.ts'

export interface DeltaPlanRequest {
  readonly delta: Delta
  readonly instance: string
  readonly keep?: number
  readonly host: ApplyHost
  readonly steps?: DeltaRequest['steps']
}

export async function planDelta({ delta, instance, keep, host, steps }: DeltaPlanRequest): Promise<PlanReport> {
  const open = openInstance(instance)
  try {
    const before = readGeneration(open)
    let after: HeldGeneration = before
    const dry = await dryRun({
      delta,
      instance,
      host,
      mode: 'dry-run',
      inspect: (record) => {
        after = readGeneration(open, record)
      },
      ...(steps === undefined ? {} : { steps }),
    })
    const indices = delta.clusters.map(([index]) => index)
    const clusters = compareClusters(before, after, indices)
    return report({ open, before, after, dry, delta, keep: keep ?? readKeep(open.pins), clusters })
  } finally {
    open.tables.close()
  }
}

type DryRun = { readonly room: 'enough'; readonly made: DeltaReport } | { readonly room: 'none'; readonly findings: readonly Finding[] }

async function dryRun(request: DeltaRequest): Promise<DryRun> {
  try {
    return { room: 'enough', made: await applyDelta(request) }
  } catch (error) {
    if (!(error instanceof CodedError) || error.findings.some(({ code }) => code !== 'KM9138')) throw error
    return { room: 'none', findings: error.findings.map((finding): Finding => ({ ...finding, severity: 'warning' })) }
  }
}

interface Planned {
  readonly open: OpenInstance
  readonly before: HeldGeneration
  readonly after: HeldGeneration
  readonly dry: DryRun
  readonly delta: Delta
  readonly keep: number
  readonly clusters: PlanReport['changes']['clusters']
}

function report({ open, before, after, dry, delta, keep, clusters }: Planned): PlanReport {
  const { record } = before
  const none = { added: [], changed: [], removed: [] }
  const leaving = clusters.changed.reduce((sum, { endpointsRemoved }) => sum + endpointsRemoved.length, 0)
  return {
    schemaVersion: 1,
    instance: open.instance,
    cgroup: recordedCgroup(open.pins.cgroup) ?? '',
    artifact: delta.config.result,
    diverted: divertedOf(record),
    keep,
    inForce: { generation: Number(record.generation), artifact: recordDigest(record) },
    changes: { listeners: none, clusters, routes: none },
    entries: entriesOf(open, after, dry),
    programs: { load: [], keep: [] },
    links: { attach: [], update: [], move: [] },
    bytes: { made: 0, shared: 0 },
    clears: clearedBy(readRecords(open.tables), record, keep),
    connections: {
      established: 'stay',
      nextRequest: 'same',
      udpEndpointsLeaving: (record.flags & RECORD_HAS_UDP) === 0 ? 0 : leaving,
    },
    delta:
      dry.room === 'enough'
        ? { room: dry.room, clusters: dry.made.clusters, rows: dry.made.rows, spare: dry.made.spare }
        : { room: dry.room, clusters: delta.clusters.length, rows: delta.config.entries.rows, spare: 0 },
    warnings: dry.room === 'enough' ? dry.made.warnings : dry.findings,
  }
}

/** All clusters are counted: a plan may take its time. */
function entriesOf(open: OpenInstance, after: HeldGeneration, dry: DryRun): PlanReport['entries'] {
  const endpoints = after.names.clusters.map((_, index) => endpointCount(dumpCluster(after, index)))
  return {
    listenerKeys: readListeners(open, after.record).listeners.count,
    endpoints: endpoints.reduce((sum, count) => sum + count, 0),
    states: readStateList(open.pins, after.record.epoch).filter((id) => id !== 0).length,
    newStates: dry.room === 'enough' ? dry.made.newStates : 0,
  }
}

function endpointCount({ tiers }: DumpedCluster): number {
  return tiers.reduce((sum, { groups }) => sum + groups.reduce((own, { endpoints }) => own + endpoints.length, 0), 0)
}
