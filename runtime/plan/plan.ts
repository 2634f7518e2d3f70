/**
 * What an apply would do. In: an artifact and an instance; out: PlanReport (proto/plan.schema.json). The kernel itself is asked: everything is loaded, made and filled beside what is in
 * force and removed again (a dry run), so that sizes are those that it charges and a program that it refuses is known now. Nothing comes into force.
 */
import type { Artifact } from '../../proto/artifact/format.ts'
import { RECORD_HAS_UDP, ROW_SIZE } from '../../proto/abi.ts'
import { apply } from '../apply.ts'
import type { ApplyHost, ApplyReport, ApplyRequest } from '../apply-request.ts'
import type { Finding } from '../coded-error.ts'
import { inspectInstance, layoutsOf } from '../condition.ts'
import { spareNow } from '../delta/tail.ts'
import { spareRows } from '../epoch.ts'
import { splitKept } from '../generation.ts'
import type { OpenInstance } from '../held-generation.ts'
import { HOOKS } from '../hooks.ts'
import { readKeep } from '../keep.ts'
import { readLinks } from '../links.ts'
import { BASE_UNIT } from '../hold-programs.ts'
import { objectDigest } from '../load-object.ts'
import { existingPins } from '../place.ts'
import { type GenerationRecord, readRecords, recordDigest } from '../record.ts'
import { cgroupId } from '../sys/cgroup.ts'
import type { HookName } from '../sys/libbpf-link.ts'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pinnedProgramId } from '../sys/libbpf-program.ts'
import { readLayouts } from '../upgrade/held-layouts.ts'
import { heldInForce } from '../upgrade/held-rows.ts'
import { compareGenerations, type GenerationChanges } from './compare.ts'
import { describeArtifact, describeHeld } from './described.ts'

export interface PlanRequest {
  readonly artifact: Artifact
  readonly instance: string
  readonly cgroup?: string
  readonly diverted: 'refuse' | 'pass'
  readonly keep?: number
  readonly host: ApplyHost
  readonly steps?: ApplyRequest['steps']
}

export interface PlanReport {
  readonly schemaVersion: 1
  readonly instance: string
  readonly cgroup: string
  /** "sha256:..." of what would be applied */
  readonly artifact: string
  readonly diverted: 'refuse' | 'pass'
  readonly keep: number
  /** what the plan holds for; generation 0 and '': nothing is in force */
  readonly inForce: { readonly generation: number; readonly artifact: string }
  readonly changes: GenerationChanges
  readonly entries: ApplyReport['entries']
  /** units of programs: the kernel has to load them, or has them already */
  readonly programs: { readonly load: readonly string[]; readonly keep: readonly string[] }
  readonly links: { readonly attach: readonly HookName[]; readonly update: readonly HookName[]; readonly move: readonly HookName[] }
  /** bytes in the kernel: tables that are new, tables that a kept generation has already */
  readonly bytes: { readonly made: number; readonly shared: number }
  /** numbers of generations that fall out of those that are kept */
  readonly clears: readonly number[]
  readonly connections: {
    /** established connections stay where they are; requests of those that are routed by request meet the new routes from the next one on */
    readonly established: 'stay'
    readonly nextRequest: 'same' | 'new-routes'
    /** UDP endpoints that leave: sockets that are connected to them are released */
    readonly udpEndpointsLeaving: number
  }
  /** of a delta: rows and clusters that it writes, rows that are spare then; without room the whole artifact has to be applied */
  readonly delta?: { readonly room: 'enough' | 'none'; readonly clusters: number; readonly rows: number; readonly spare: number }
  /** of a whole artifact: rows that deltas may still take, and those that they may take after it, as it has all rows in their place again */
  readonly spare?: { readonly now: number; readonly after: number }
  readonly warnings: readonly Finding[]
}

export async function plan(request: PlanRequest): Promise<PlanReport> {
  const { artifact, instance, diverted, host, cgroup, steps } = request
  const dry = await apply({
    artifact,
    instance,
    diverted,
    mode: 'dry-run',
    host,
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(steps === undefined ? {} : { steps }),
  })
  const earlier = earlierInForce(instance)
  return withInstance(instance, (open) => {
    const records = open === null ? [] : readRecords(open.tables)
    const live = records.find(({ state }) => state === 'live')
    const before = open === null || live === undefined ? undefined : describeHeld(open)
    const changes = compareGenerations(before, describeArtifact(artifact))
    const keep = request.keep ?? (open === null ? undefined : readKeep(open.pins)) ?? dry.keep
    const tables = Object.values(dry.memory.tables).reduce((sum, bytes) => sum + bytes, 0)
    const units = (source: 'loaded' | 'pinned'): string[] => [
      ...new Set(dry.programs.filter((program) => program.source === source).map(({ unit }) => unit)),
    ]
    const udp = live !== undefined && (live.flags & RECORD_HAS_UDP) !== 0
    return {
      schemaVersion: 1,
      instance,
      cgroup: dry.cgroup,
      artifact: artifact.digest,
      diverted,
      keep,
      inForce:
        live === undefined
          ? (earlier ?? { generation: 0, artifact: '' })
          : { generation: Number(live.generation), artifact: recordDigest(live) },
      changes,
      entries: dry.entries,
      programs: { load: units('loaded'), keep: units('pinned') },
      links: earlier === undefined ? linkChanges(open, dry.cgroup, artifact) : { attach: [], update: HOOKS, move: [] },
      bytes: { made: tables - dry.memory.shared, shared: dry.memory.shared },
      clears: clearedBy(records, live, keep),
      connections: {
        established: 'stay',
        nextRequest: artifact.names.services.length === 0 && (before?.tables.names.services.length ?? 0) === 0 ? 'same' : 'new-routes',
        udpEndpointsLeaving: udp ? changes.clusters.changed.reduce((sum, { endpointsRemoved }) => sum + endpointsRemoved.length, 0) : 0,
      },
      ...(open === null || live === undefined ? {} : { spare: spareRowsOf(open, records, live, artifact) }),
      warnings: dry.warnings,
    }
  })
}

function spareRowsOf(
  { pins }: OpenInstance,
  records: readonly GenerationRecord[],
  live: GenerationRecord,
  { tables }: Artifact,
): NonNullable<PlanReport['spare']> {
  const { kept } = splitKept(
    records.filter(({ state }) => state !== 'abandoned'),
    readKeep(pins),
  )
  return { now: spareNow(pins, live, kept), after: spareRows('km_endpoint', tables.endpoint.length / ROW_SIZE) }
}

/** Of an instance that a runtime with other layouts made: its tables cannot be compared, but what is in force is known. */
function earlierInForce(instance: string): PlanReport['inForce'] | undefined {
  const pins = existingPins(instance)?.pins
  const layouts = pins === undefined || layoutsOf(pins) !== 'others' ? null : readLayouts(pins)
  const held = pins === undefined || layouts === null ? undefined : heldInForce(pins, layouts)
  return held === undefined ? undefined : { generation: held.generation, artifact: held.artifact }
}

function withInstance<T>(instance: string, work: (open: OpenInstance | null) => T): T {
  const place = existingPins(instance)
  const condition = place === null || layoutsOf(place.pins) === 'others' ? undefined : inspectInstance(place.pins)
  if (place === null || condition?.kind !== 'ready') return work(null)
  try {
    return work({ instance, pins: place.pins, tables: condition.tables })
  } finally {
    condition.tables.close()
  }
}

/** The new one takes a place among those that are kept before it. */
export function clearedBy(records: readonly GenerationRecord[], live: GenerationRecord | undefined, keep: number): readonly number[] {
  if (live === undefined) return []
  const next: GenerationRecord = { ...live, slot: 0, generation: BigInt(Number.MAX_SAFE_INTEGER), state: 'live' }
  const after = [
    next,
    ...records.map((record): GenerationRecord => (record.slot === live.slot ? { ...record, state: 'retained' } : record)),
  ]
  return splitKept(after, keep)
    .dropped.map(({ generation }) => Number(generation))
    .sort((a, b) => a - b)
}

function linkChanges(open: OpenInstance | null, cgroup: string, artifact: Artifact): PlanReport['links'] {
  if (open === null) return { attach: HOOKS, update: [], move: [] }
  const held = new Map(readLinks(open.pins).map((link) => [link.hook, link]))
  const id = existsSync(cgroup) ? cgroupId(cgroup) : 0n
  const base = artifact.programs.get(BASE_UNIT)
  const directory = base === undefined ? '' : join(open.pins.base, objectDigest(base))
  const program = (hook: HookName): number | undefined =>
    existsSync(join(directory, hook)) ? pinnedProgramId(join(directory, hook)) : undefined
  return {
    attach: HOOKS.filter((hook) => !held.has(hook)),
    update: HOOKS.filter((hook) => held.get(hook)?.cgroupId === id && held.get(hook)?.programId !== program(hook)),
    move: HOOKS.filter((hook) => held.has(hook) && held.get(hook)?.cgroupId !== id),
  }
}
