/**
 * Makes a delta the generation in force: no map of maps is written, no table copied, no program touched. In: a verified delta, an instance whose generation in force it leads on from; out: a report, or a coded
 * error and the kernel as it was.
 *
 *   record (building) -> owners of new endpoints -> spare rows, one batch -> versions of the clusters, one batch -> the switch
 *
 * What is written before the switch is visible to no generation but the new one: rows behind those that are used, cells with its number. So many clusters change at one instant, and a rollback is one switch.
 * Invariants: as for an apply; nothing is written into tables that a later epoch could share.
 */
import { ROW_SIZE } from '../../proto/abi.ts'
import type { Delta } from '../../proto/delta/format.ts'
import type { ApplyHost } from '../apply-request.ts'
import { CodedError, coded, type Finding, warning } from '../coded-error.ts'
import { isOverdue, notConfirmed, pending, refuseWaiting } from '../confirmation.ts'
import { waitGracePeriod } from '../epoch.ts'
import { clearAway, freePlaces, splitKept } from '../generation.ts'
import { releaseDeparted, takeBack } from '../go-back.ts'
import { noteSwitch, untilQuiet } from '../grace.ts'
import { readKeep } from '../keep.ts'
import { openPlace, type Place } from '../place.ts'
import { freeRecord, type GenerationRecord, nextNumber, readRecords, recordDigest, spendNumber, writeRecord } from '../record.ts'
import { openRecordTables } from '../record-tables.ts'
import { dropServices } from '../serve/kept-services.ts'
import { mapInfo } from '../sys/libbpf-map.ts'
import { openTables } from '../tables.ts'
import { turnTo } from '../turn.ts'
import { createUndo, type Undo } from '../undo.ts'
import { claimOwners, type OwnerPlace, placeOwners, rememberOwners } from './owners.ts'
import { keepDeltaServices } from './services.ts'
import { listStates, openTail, type Tail, writeRows, writeVersions } from './tail.ts'

/** In this order; a hook is called before each. From `settle` on nothing is undone any more. */
export const DELTA_STEPS = ['place', 'record', 'owners', 'rows', 'versions', 'switch', 'settle'] as const
export type DeltaStep = (typeof DELTA_STEPS)[number]

export interface DeltaRequest {
  readonly delta: Delta
  readonly instance: string
  readonly host: Pick<ApplyHost, 'releaseSockets'>
  /** Unix seconds, as in an apply */
  readonly confirmBy?: number
  /** called before each step; an exception is a failure of that step */
  readonly steps?: (step: DeltaStep) => void
}

export interface DeltaReport {
  readonly instance: string
  readonly generation: number
  /** "sha256:..." of the whole artifact that is in force now */
  readonly artifact: string
  readonly previous: { readonly generation: number; readonly artifact: string }
  readonly clusters: number
  readonly rows: number
  /** rows that are spare from now on */
  readonly spare: number
  readonly newStates: number
  readonly released: number
  /** milliseconds from the lock to the switch, and to the end */
  readonly times: { readonly switch: number; readonly total: number }
  readonly warnings: readonly Finding[]
}

type Records = NonNullable<ReturnType<typeof openRecordTables>>

export async function applyDelta(request: DeltaRequest): Promise<DeltaReport> {
  const start = performance.now()
  const { instance } = request
  request.steps?.('place')
  const place = openPlace(instance)
  const undo = createUndo()
  const open: { close(): void }[] = []
  try {
    const tables = openRecordTables(place.pins)
    if (tables === null) throw coded('KM9123', `instance "${instance}" has no generation in force`)
    open.push(tables)
    const live = baseOf(place, tables, request)
    const kept = await cleared(place, tables, live)
    const tail = openTail(place.pins, live, kept)
    open.push(tail)
    return write({ place, tables, tail, live, kept, request, undo, start })
  } catch (error) {
    const left = undo.run().map((what) => warning('KM9122', what))
    throw error instanceof CodedError ? new CodedError([...error.findings, ...left]) : error
  } finally {
    for (const one of open.reverse()) one.close()
    place.release()
  }
}

interface Writing {
  readonly place: Place
  readonly tables: Records
  readonly tail: Tail
  readonly live: GenerationRecord
  readonly kept: readonly GenerationRecord[]
  readonly request: DeltaRequest
  readonly undo: Undo
  /** performance.now() at the lock */
  readonly start: number
}

function write({ place, tables, tail, live, kept, request, undo, start }: Writing): DeltaReport {
  const { delta, instance, steps } = request
  const { pins } = place
  const rowCount = delta.rows.length / ROW_SIZE
  if (tail.used + rowCount > tail.capacity) throw coded('KM9138', `${rowCount} rows are needed, ${tail.capacity - tail.used} are spare`)
  steps?.('record')
  const number = nextNumber(tables)
  spendNumber(tables, number)
  const record = newRecord(live, kept, number, request, tail.used + rowCount)
  undo.add('record', () => freeRecord(tables, record.slot))
  writeRecord(tables, record)
  steps?.('owners')
  const among: OwnerPlace = { pins, instance: mapInfo(tables.fd('km_generation')).id, latest: number - 1n }
  const owners = placeOwners(among, delta.owners)
  if (owners === null) throw coded('KM9138', 'there are not enough state rows for new endpoints')
  claimOwners(pins, delta.owners, owners, undo)
  listStates(tail, owners)
  steps?.('rows')
  writeRows(tail, delta, owners.ids, rowCount)
  steps?.('versions')
  writeVersions(tail, delta, record.generation, undo)
  keepDeltaServices(instance, { base: recordDigest(live), result: delta.config.result, splices: delta.services })
  steps?.('switch')
  turnTo(tables, record)
  undo.forget()
  noteSwitch(tables.fd('km_generation'), number)
  rememberOwners(among, number, delta.owners, owners)
  const switched = performance.now() - start
  const { released, warnings } = settle(place, tables, record, request)
  return {
    instance,
    generation: Number(number),
    artifact: delta.config.result,
    previous: { generation: Number(live.generation), artifact: recordDigest(live) },
    clusters: delta.clusters.length,
    rows: rowCount,
    spare: tail.capacity - record.rows,
    newStates: owners.given.length,
    released,
    times: { switch: switched, total: performance.now() - start },
    warnings,
  }
}

/** The generation in force, when the delta leads on from it. */
function baseOf({ pins }: Place, tables: Records, { instance, delta, host }: DeltaRequest): GenerationRecord {
  const waiting = pending(tables)
  if (waiting !== undefined) {
    if (!isOverdue(waiting)) throw refuseWaiting(instance, waiting)
    throw new CodedError([{ ...notConfirmed(waiting, takeBack(pins, tables, host)), severity: 'error' }])
  }
  const live = readRecords(tables).find(({ state }) => state === 'live')
  if (live === undefined) throw coded('KM9123', `instance "${instance}" has no generation in force`)
  const digest = recordDigest(live)
  if (delta.config.base.includes(digest)) return live
  throw coded('KM9137', `the delta leads on from ${delta.config.base.join(' or ')}; generation ${live.generation} of ${digest} is in force`)
}

/**
 * What stays. Generations that share everything with one that is kept leave nothing but their record and versions that nobody reads. Where an earlier delta was cut off, or a rollback went behind one, its versions
 * are emptied: they would be visible to the new number.
 */
async function cleared({ pins, instance }: Place, tables: Records, live: GenerationRecord): Promise<readonly GenerationRecord[]> {
  const records = readRecords(tables)
  const { kept, dropped } = splitKept(
    records.filter(({ state }) => state !== 'abandoned'),
    readKeep(pins),
  )
  const gone = [...dropped, ...records.filter(({ state }) => state === 'abandoned')]
  if (gone.length === 0) return kept
  if (gone.every((record) => record.state === 'retained' && isOnlyRecord(record, kept))) {
    await untilQuiet(
      tables.fd('km_generation'),
      gone.reduce((most, { generation }) => (generation > most ? generation : most), 0n),
    )
    for (const { slot } of gone) freeRecord(tables, slot)
    return kept
  }
  const all = openTables(pins)
  if (all === null) throw coded('KM9107', `instance "${instance}" misses maps below ${pins.root}`)
  try {
    await waitGracePeriod(pins, all, live.epoch)
    await clearAway(pins, all, kept, gone)
  } finally {
    all.close()
  }
  return kept
}

function isOnlyRecord({ epoch, programBase, generation }: GenerationRecord, kept: readonly GenerationRecord[]): boolean {
  return (
    kept.some((record) => record.epoch === epoch && record.generation > generation) &&
    kept.some((record) => record.programBase === programBase)
  )
}

function newRecord(
  live: GenerationRecord,
  kept: readonly GenerationRecord[],
  generation: bigint,
  { delta, confirmBy = 0 }: DeltaRequest,
  rows: number,
): GenerationRecord {
  return {
    ...live,
    slot: freePlaces(kept).slot,
    state: 'building',
    generation,
    appliedAt: Math.floor(Date.now() / 1000),
    digest: Buffer.from(delta.config.result.replace(/^sha256:/, ''), 'hex'),
    confirmBy,
    rows,
  }
}

/** The new generation is in force: what goes wrong from here on is a warning. Generations that are not kept any more are freed by the next delta or apply. */
function settle(
  { pins, instance }: Place,
  tables: Records,
  record: GenerationRecord,
  { host, steps }: DeltaRequest,
): { readonly released: number; readonly warnings: readonly Finding[] } {
  try {
    steps?.('settle')
    writeRecord(tables, { ...record, state: 'live' })
    const result = releaseDeparted(pins, tables, record, host)
    dropServices(instance, readRecords(tables).map(recordDigest))
    return result
  } catch (error) {
    return { released: 0, warnings: [warning('KM9122', `after the switch: ${error instanceof Error ? error.message : String(error)}`)] }
  }
}
