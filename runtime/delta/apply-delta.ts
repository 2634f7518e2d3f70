/**
 * Makes a delta the generation in force: no map of maps is written, no table copied, no program touched. In: a verified delta, an instance whose generation in force it leads on from; out: a report, or a coded
 * error and the kernel as it was.
 *
 *   record (building) -> owners of new endpoints -> spare rows -> versions of the clusters -> the switch
 *
 * All of these are stores into mapped tables: a delta makes no map system call, and what it wrote survives the death of its process in this order.
 * What is written before the switch is visible to no generation but the new one: rows behind those that are used, cells with its number. So many clusters change at one instant, and a rollback is one switch.
 * Invariants: as for an apply; nothing is written into tables that a later epoch could share.
 */
import { ROW_SIZE } from '../../proto/abi.ts'
import type { Delta } from '../../proto/delta/format.ts'
import type { ApplyHost, ApplyRequest } from '../apply-request.ts'
import { CodedError, coded, type Finding, warning } from '../coded-error.ts'
import { isOverdue, notConfirmed, pending, refuseWaiting } from '../confirmation.ts'
import { departCounts } from '../departed-counts.ts'
import { waitGracePeriod } from '../epoch.ts'
import { clearAway, freePlaces, splitKept } from '../generation.ts'
import { releaseDeparted, takeBack } from '../go-back.ts'
import { recordedCgroup } from '../governed-cgroup.ts'
import { awaitPeriod, noteSwitch, untilQuiet } from '../grace.ts'
import { readKeep, writeKeep } from '../keep.ts'
import { firstDeadline } from '../new-record.ts'
import { openPlace, type Place } from '../place.ts'
import { refuseStale } from '../plan-binding.ts'
import { freeRecord, type GenerationRecord, nextNumber, readRecords, recordDigest, spendNumber, switchTo, writeRecord } from '../record.ts'
import { openRecordTables } from '../record-tables.ts'
import { dropServices } from '../serve/kept-services.ts'
import { mapInfo } from '../sys/libbpf-map.ts'
import { openMaps, openTables } from '../tables.ts'
import { noteResultAt } from '../runtime-counts.ts'
import { turnTo } from '../turn.ts'
import { createUndo, type Undo } from '../undo.ts'
import { claimOwners, type OwnerPlace, placeOwners, rememberOwners } from './owners.ts'
import { returnedOwners } from './returned.ts'
import { keepDeltaServices } from './services.ts'
import { listStates, openTail, type Tail, writeRows, writeVersions } from './tail.ts'

/** In this order; a hook is called before each. From `settle` on nothing is undone any more. */
export const DELTA_STEPS = ['place', 'record', 'owners', 'rows', 'versions', 'switch', 'probe', 'settle'] as const
export type DeltaStep = (typeof DELTA_STEPS)[number]

/** The others as in an apply. */
export interface DeltaRequest extends Pick<ApplyRequest, 'instance' | 'keep' | 'confirmBy' | 'expected' | 'probe'> {
  readonly delta: Delta
  readonly host: Pick<ApplyHost, 'releaseSockets' | 'fillSources'>
  /** dry-run: everything up to the switch, and back again; default: apply */
  readonly mode?: ApplyRequest['mode']
  /** of a dry run: called when everything is there but the switch, with the record of the generation that it would make */
  readonly inspect?: (record: GenerationRecord) => void
  /** called before each step; an exception is a failure of that step */
  readonly steps?: (step: DeltaStep) => void
}

export interface DeltaReport {
  readonly instance: string
  readonly mode: ApplyRequest['mode']
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
    refuseStale(request, tables)
    const live = baseOf(place, tables, request)
    const { id } = mapInfo(tables.fd('km_generation'))
    const kept = await cleared(place, tables, live, id)
    const tail = openTail(place.pins, live, kept, undo)
    open.push(tail)
    const report = await write({ place, tables, id, tail, live, kept, request, undo, start })
    if (report.mode === 'apply') noteResultAt(place.pins, 'delta_applied')
    return report
  } catch (error) {
    const left = undo.run().map((what) => warning('KM9122', what))
    noteResultAt(place.pins, 'delta_failed')
    throw error instanceof CodedError ? new CodedError([...error.findings, ...left]) : error
  } finally {
    for (const one of open.reverse()) one.close()
    place.release()
  }
}

interface Writing {
  readonly place: Place
  readonly tables: Records
  /** of km_generation */
  readonly id: number
  readonly tail: Tail
  readonly live: GenerationRecord
  readonly kept: readonly GenerationRecord[]
  readonly request: DeltaRequest
  readonly undo: Undo
  /** performance.now() at the lock */
  readonly start: number
}

async function write({ place, tables, id, tail, live, kept, request, undo, start }: Writing): Promise<DeltaReport> {
  const { delta, instance, steps, mode = 'apply' } = request
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
  const among: OwnerPlace = { pins, instance: id, latest: number - 1n }
  const owners = placeOwners(among, delta.owners)
  if (owners === null) throw coded('KM9138', 'there are not enough state rows for new endpoints')
  departCounts(pins, returnedOwners({ pins, tail, live, kept }, delta, owners), undo)
  claimOwners(pins, delta.owners, owners, undo)
  listStates(tail, owners, undo)
  steps?.('rows')
  writeRows(tail, delta, owners.ids, undo)
  steps?.('versions')
  writeVersions(tail, delta, record.generation, undo)
  keepDeltaServices(instance, { base: recordDigest(live), result: delta.config.result, splices: delta.services })
  const report = (times: DeltaReport['times'], { released, warnings }: Settled): DeltaReport => ({
    instance,
    mode,
    generation: Number(number),
    artifact: delta.config.result,
    previous: { generation: Number(live.generation), artifact: recordDigest(live) },
    clusters: delta.clusters.length,
    rows: rowCount,
    spare: tail.capacity - record.rows,
    newStates: owners.given.length,
    released,
    times,
    warnings,
  })
  steps?.('switch')
  if (mode === 'dry-run') {
    request.inspect?.(record)
    const ready = performance.now() - start
    const left = undo.run().map((what) => warning('KM9122', what))
    return report({ switch: ready, total: performance.now() - start }, { released: 0, warnings: left })
  }
  undo.add('switch', () => {
    switchTo(tables, live.slot)
    writeRecord(tables, live)
    awaitPeriod()
  })
  turnTo(tables, record)
  const switched = performance.now() - start
  steps?.('probe')
  await probe(place, request)
  undo.forget()
  noteSwitch(among.instance, number)
  rememberOwners(among, number, delta.owners, owners)
  const settled = settle(place, tables, record, request)
  return report({ switch: switched, total: performance.now() - start }, settled)
}

async function probe({ pins }: Place, request: DeltaRequest): Promise<void> {
  if (request.probe === undefined) return
  const cgroup = recordedCgroup(pins.cgroup)
  if (cgroup === null) return
  const sources = openMaps(pins, ['km_source'])
  try {
    await request.probe(cgroup, () => sources && request.host.fillSources(cgroup, sources.fd('km_source')))
  } finally {
    sources?.close()
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
async function cleared(
  { pins, instance }: Place,
  tables: Records,
  live: GenerationRecord,
  id: number,
): Promise<readonly GenerationRecord[]> {
  const records = readRecords(tables)
  const { kept, dropped } = splitKept(
    records.filter(({ state }) => state !== 'abandoned'),
    readKeep(pins),
  )
  const gone = [...dropped, ...records.filter(({ state }) => state === 'abandoned')]
  if (gone.length === 0) return kept
  if (gone.every((record) => record.state === 'retained' && isOnlyRecord(record, kept))) {
    await untilQuiet(
      id,
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
  request: DeltaRequest,
  rows: number,
): GenerationRecord {
  return {
    ...live,
    slot: freePlaces(kept).slot,
    state: 'building',
    generation,
    appliedAt: Math.floor(Date.now() / 1000),
    digest: Buffer.from(request.delta.config.result.replace(/^sha256:/, ''), 'hex'),
    confirmBy: firstDeadline(request),
    rows,
  }
}

interface Settled {
  readonly released: number
  readonly warnings: readonly Finding[]
}

/** The new generation is in force: what goes wrong from here on is a warning. Generations that are not kept any more are freed by the next delta or apply. */
function settle(
  { pins, instance }: Place,
  tables: Records,
  record: GenerationRecord,
  { host, steps, keep, confirmBy = 0 }: DeltaRequest,
): Settled {
  try {
    steps?.('settle')
    writeRecord(tables, { ...record, state: 'live', confirmBy })
    if (keep !== undefined) writeKeep(pins, keep)
    const result = releaseDeparted(pins, tables, record, host)
    dropServices(instance, readRecords(tables).map(recordDigest))
    return result
  } catch (error) {
    return { released: 0, warnings: [warning('KM9122', `after the switch: ${error instanceof Error ? error.message : String(error)}`)] }
  }
}
