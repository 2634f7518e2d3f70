/**
 * From an artifact to a filled epoch. In: an artifact, the generations that are kept, a free epoch; out: state rows for its owners and pinned, filled
 * tables that nothing sees yet. Invariant: artifact tables are never changed, only copies.
 */
import type { Artifact } from '../proto/artifact/format.ts'
import type { Clock } from './clock.ts'
import { departCounts } from './departed-counts.ts'
import { type BuiltEpoch, buildEpoch, padded, readStateList, type TableContent } from './epoch.ts'
import { heldUnits, holdNames, packNames } from './names.ts'
import type { Pins } from './pins.ts'
import type { GenerationRecord } from './record.ts'
import { linesOf } from './proof/warnings.ts'
import { relocate } from './relocate.ts'
import { readStates, writeStates } from './state-shards.ts'
import { comeBack, planStates, type StatePlan } from './states.ts'
import { STATE_SHARDS, STATE_SHARD_ROWS } from '../proto/abi.ts'
import type { Tables } from './tables.ts'
import type { Undo } from './undo.ts'
import { visibleStates } from './visible-states.ts'

export type FillPhase = 'make' | 'fill'

/** Gives every owner of the artifact a state row. `earlier`: rows that generations name which are not among the kept ones, as a runtime with other layouts made them. */
export function fillStates(
  pins: Pins,
  tables: Tables,
  artifact: Artifact,
  kept: readonly GenerationRecord[],
  clock: Clock<FillPhase>,
  undo: Undo,
  earlier?: ReadonlySet<number>,
): StatePlan {
  return clock.time('fill', () => {
    const rows = readStates(pins)
    const named = namedStates(pins, kept, earlier)
    const plan = planStates(artifact.tables.states, rows, named)
    const visible = earlier ?? visibleStates(pins, kept)
    const others = new Set(rows.length === 0 ? [] : [...plan.reclaimed, ...comeBack(plan, rows, visible)])
    // what was moved is not to be written back
    if (departCounts(pins, others, undo) > 0) readStates(pins).copy(rows)
    writeStates(pins, tables, plan, rows, undo)
    return plan
  })
}

export interface FilledEpoch extends BuiltEpoch {
  readonly namesBytes: number
  /** km_endpoint and km_cluster as they are in the kernel */
  readonly endpoint: Uint8Array
  readonly cluster: Uint8Array
}

/** Makes and fills the tables of an epoch. */
export function fillEpoch(
  pins: Pins,
  epoch: number,
  artifact: Artifact,
  ids: Uint32Array,
  clock: Clock<FillPhase>,
  undo: Undo,
): FilledEpoch {
  const start = performance.now()
  const { contents, ...rest } = epochContents(artifact, ids)
  clock.add('fill', performance.now() - start)
  const built = buildEpoch(pins, epoch, contents, ids, undo)
  clock.add('make', built.makeTime)
  clock.add('fill', built.fillTime)
  return { ...built, ...rest }
}

export interface EpochContents {
  readonly contents: readonly TableContent[]
  readonly namesBytes: number
  readonly endpoint: Uint8Array
  readonly cluster: Uint8Array
}

/** What the inner tables of an epoch hold, with the stable ids of the artifact's owners. */
export function epochContents(artifact: Artifact, ids: Uint32Array): EpochContents {
  const { tables } = artifact
  const { listenerValues, cluster, endpoint, http } = relocate(tables, ids)
  const names = packNames({ ...holdNames(artifact.names, ids, heldUnits(artifact)), proven: linesOf(artifact) })
  const contents: readonly TableContent[] = [
    { map: 'km_listener', keys: tables.listenerKeys, values: listenerValues },
    { map: 'km_match', keys: tables.matchKeys, values: tables.matchValues },
    { map: 'km_chain', values: tables.chain },
    { map: 'km_cluster', values: cluster },
    { map: 'km_endpoint', values: endpoint },
    { map: 'km_http', values: http },
    { map: 'km_name', keys: tables.nameKeys, values: tables.nameValues },
    { map: 'km_names', values: padded(names) },
  ]
  return { contents, namesBytes: names.length, endpoint, cluster }
}

/** 1 by id for every state row that a kept generation names. */
function namedStates(pins: Pins, kept: readonly GenerationRecord[], earlier: ReadonlySet<number> = new Set()): Uint8Array {
  const named = new Uint8Array(kept.length + earlier.size === 0 ? 0 : STATE_SHARDS * STATE_SHARD_ROWS)
  for (const id of earlier) if (id < named.length) named[id] = 1
  for (const { epoch } of kept) for (const id of readStateList(pins, epoch)) if (id < named.length) named[id] = 1
  return named
}
