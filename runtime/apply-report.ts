/** What an apply reports. In: what it made; out: ApplyReport (proto/apply.schema.json). */
import { listenerKey, STATE_SHARD_ROWS } from '../proto/abi.ts'
import type { ApplyReport, ApplyRequest } from './apply-request.ts'
import type { Clock } from './clock.ts'
import type { Finding } from './coded-error.ts'
import { warning } from './coded-error.ts'
import { countEndpoints } from './departed.ts'
import type { FilledEpoch } from './fill.ts'
import { readKeep } from './keep.ts'
import type { HeldObject } from './load-object.ts'
import { constantMemory, stateMemory } from './memory.ts'
import type { Pins } from './pins.ts'
import { type GenerationRecord, recordDigest, timeOf } from './record.ts'
import type { StatePlan } from './states.ts'

export type ApplyPhase = 'programs' | 'make' | 'fill' | 'machine' | 'switch'

export interface Applied {
  readonly request: ApplyRequest
  readonly cgroup: string
  readonly kept: readonly GenerationRecord[]
  readonly record: GenerationRecord
  readonly epoch: FilledEpoch
  readonly states: StatePlan
  readonly objects: readonly HeldObject[]
  readonly clock: Clock<ApplyPhase>
  readonly sockets: ApplyReport['sockets']
  readonly warnings: readonly Finding[]
  readonly facts: InstanceFacts
}

/** What a report tells of the instance: read while everything can still be undone, as nothing may fail an apply afterwards. */
export interface InstanceFacts {
  readonly keep: number
  readonly state: number
  readonly constant: number
}

export function instanceFacts(pins: Pins, request: ApplyRequest): InstanceFacts {
  return { keep: request.keep ?? readKeep(pins), state: stateMemory(pins), constant: constantMemory(pins) }
}

export function applyReport(applied: Applied): ApplyReport {
  const { request, record, epoch, states, clock, kept, facts } = applied
  const total = clock.total()
  const previous = kept.find((candidate) => candidate.state === 'live')
  const endpoints = countEndpoints({ cluster: epoch.cluster, endpoint: epoch.endpoint, generation: record.generation })
  const listenerKeys = request.artifact.tables.listenerKeys.length / listenerKey.size
  const tables = Object.values(epoch.memory).reduce((sum, bytes) => sum + bytes, 0)
  const times = {
    programs: clock.spent('programs'),
    make: clock.spent('make'),
    fill: clock.spent('fill'),
    machine: clock.spent('machine'),
    switch: clock.spent('switch'),
    total,
  }
  return {
    instance: request.instance,
    mode: request.mode,
    cgroup: applied.cgroup,
    generation: Number(record.generation),
    artifact: recordDigest(record),
    ...(record.confirmBy === 0 ? {} : { confirmBy: timeOf(record.confirmBy) }),
    ...(previous === undefined ? {} : { previous: { generation: Number(previous.generation), artifact: recordDigest(previous) } }),
    diverted: request.diverted,
    keep: facts.keep,
    entries: {
      endpoints,
      listenerKeys,
      states: states.ids.length - 1,
      newStates: states.claimed.length + occupied(states),
    },
    entriesPerSecond: Math.round(((endpoints + listenerKeys) * 1000) / Math.max(times.make + times.fill, 0.001)),
    times,
    programs: applied.objects.flatMap(({ unit, source, programs }) =>
      programs.map(({ name, info }) => ({
        unit,
        program: name,
        verifiedInstructions: info.verifiedInstructions,
        jitedBytes: info.jitedBytes,
        source,
      })),
    ),
    memory: {
      tables: epoch.memory,
      shared: epoch.shared.reduce((sum, name) => sum + (epoch.memory[name] ?? 0), 0),
      state: facts.state,
      constant: facts.constant,
      perEndpoint: endpoints === 0 ? 0 : Math.round((tables + facts.state) / endpoints),
    },
    sockets: applied.sockets,
    warnings: [...applied.warnings, ...divertedWarnings(request)],
  }
}

/** Rows of new shards that have an owner. */
function occupied(states: StatePlan): number {
  const first = states.shards * STATE_SHARD_ROWS
  return states.ids.reduce((count, id) => count + (id >= first && id > 0 ? 1 : 0), 0)
}

function divertedWarnings({ artifact, diverted }: ApplyRequest): readonly Finding[] {
  return artifact.names.listeners.flatMap(({ name, diverted: places = [] }) =>
    places.map(({ path, why }) =>
      warning(
        'KM9118',
        `listener "${name}" is diverted (${why}): its connections ${diverted === 'pass' ? 'pass untouched' : 'are refused'}`,
        { path },
      ),
    ),
  )
}
