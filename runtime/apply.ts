/**
 * Makes an artifact the generation in force. In: a verified artifact and an instance; out: a report, or a coded error and the kernel as it was.
 *
 *   first apply   maps made and pinned -> base programs attached under generation 0 -> epoch, programs, record -> the switch -> probes
 *   later ones    a new epoch beside the old -> programs -> record -> the switch -> probes -> a grace period -> what is not kept is cleared away
 *
 * Invariant (dataplane.md, section 3): every decision sees the old generation or the new one; each step up to the last probe has an undo, the switch too, and
 * nothing after that fails the apply.
 */
import { type ApplyPhase, applyReport, instanceFacts } from './apply-report.ts'
import type { ApplyHost, ApplyReport, ApplyRequest, ApplyStep } from './apply-request.ts'
import { clearInstance } from './clear.ts'
import { createClock } from './clock.ts'
import { CodedError, coded, type Finding, warning } from './coded-error.ts'
import { inspectInstance, markAbi } from './condition.ts'
import { isOverdue, notConfirmed, pending, refuseWaiting } from './confirmation.ts'
import { awaitGracePeriod, showEpoch } from './epoch.ts'
import { fillEpoch, fillStates } from './fill.ts'
import { takeBack } from './go-back.ts'
import { clearAway, clearUnused, freePlaces, leftEpochs, placePrograms, splitKept } from './generation.ts'
import { governCgroup } from './governed-cgroup.ts'
import { attachAll, readLinks, renewLinks } from './links.ts'
import type { HeldObject } from './load-object.ts'
import { newRecord } from './new-record.ts'
import type { Pins } from './pins.ts'
import { claimPlace, type Place } from './place.ts'
import {
  freeRecord,
  type GenerationRecord,
  liveRecord,
  nextNumber,
  readRecords,
  recordDigest,
  spendNumber,
  switchTo,
  writeRecord,
} from './record.ts'
import { holdBase, holdUnits } from './hold-programs.ts'
import { attachRequestPrograms, holdRequestPrograms } from './request-programs.ts'
import { absenceWarnings } from './serve/holder-presence.ts'
import { dropServices, keepServices, servicesOf } from './serve/kept-services.ts'
import { settle } from './settle.ts'
import { readKeep } from './keep.ts'
import { refuseOther, refuseStale } from './plan-binding.ts'
import { kernelWarnings } from './proof/warnings.ts'
import { createTables, type Tables } from './tables.ts'
import { noteResult } from './runtime-counts.ts'
import { turnTo } from './turn.ts'
import { createUndo, type Undo } from './undo.ts'
import { writeLayouts } from './upgrade/held-layouts.ts'
import { recoverUpgrade } from './upgrade/recover.ts'
import { beginUpgrade, type Upgrade } from './upgrade/upgrade.ts'

export async function apply(request: ApplyRequest): Promise<ApplyReport> {
  request.steps?.('place')
  const undo = createUndo(request.made)
  const open: Closing[] = []
  const place = claimPlace(request.instance)
  try {
    const report = await applyAt(place, request, undo, open)
    if (request.mode === 'apply') noteResult(request.instance, 'artifact_applied')
    return report
  } catch (error) {
    const left = undo.run()
    if (request.mode === 'apply') noteResult(request.instance, 'artifact_failed')
    throw withLeftovers(error, left)
  } finally {
    for (const one of open.reverse()) one.close()
    place.release()
  }
}

interface Closing {
  close(): void
}

async function applyAt(place: Place, request: ApplyRequest, undo: Undo, open: Closing[]): Promise<ApplyReport> {
  const { artifact, host } = request
  const step = (name: ApplyStep): void => request.steps?.(name)
  const keep = <T extends Closing>(one: T): T => {
    open.push(one)
    return one
  }
  const clock = createClock<ApplyPhase>()
  const warnings: Finding[] = []

  const recovered = recoverUpgrade(place)
  if (recovered !== null) {
    warnings.push(recovered.finding)
    if (recovered.lock !== null) keep({ close: recovered.lock.release })
  }
  const upgrade = beginUpgrade(place, undo)
  if (upgrade !== null) keep(upgrade)
  const existing = upgrade === null ? openExisting(place, host, warnings) : null
  if (existing !== null) keep(existing)
  if (upgrade === null) refuseStale(request, existing)
  else {
    refuseUndoable(request, upgrade)
    warnings.push(upgrade.announcement)
  }
  warnings.push(...kernelWarnings(artifact))
  step('cgroup')
  const cgroup = governCgroup(place, request.cgroup, undo)
  step('foreign')
  warnings.push(
    ...clock.time('machine', () => host.checkForeign(cgroup.path, new Set(readLinks(place.pins).map((link) => link.programId)))),
  )
  step('maps')
  const pins = upgrade?.pins ?? place.pins
  markAbi(pins, undo)
  writeLayouts(pins, undo)
  const tables = upgrade?.tables ?? existing ?? keep(createTables(pins, undo))
  step('clear')
  const { kept, dropped } = splitKept(readRecords(tables), readKeep(pins))
  if (dropped.length + leftEpochs(pins, kept).length > 0) {
    warnings.push(warning('KM9135', cutOffText(place.instance, dropped)))
    await clearAway(pins, tables, kept, dropped)
    clearUnused(tables, kept)
  }

  step('base')
  const base = keep(clock.time('programs', () => holdBase(pins, artifact, tables, undo)))
  const requests = clock.time('programs', () => holdRequestPrograms(pins, artifact, tables, undo)).map(keep)
  step('links')
  if (request.mode === 'apply') {
    attachRequestPrograms(pins, tables, requests, undo)
    if (upgrade === null && existing === null) attachAll(pins, cgroup.path, base, undo)
    else if (upgrade === null) {
      const moved = renewLinks(pins, cgroup, base, undo)
      if (moved.length > 0)
        warnings.push(warning('KM9114', `${cgroup.path} was removed and made again; the programs are attached to the new one`))
    }
  }

  step('states')
  const places = freePlaces(kept)
  const states = fillStates(pins, tables, artifact, kept, clock, undo, upgrade?.states)
  step('programs')
  const objects: readonly HeldObject[] = clock.time('programs', () => holdUnits(pins, artifact, tables, undo)).map(keep)
  step('tables')
  const epoch = fillEpoch(pins, places.epoch, artifact, states.ids, clock, undo)
  step('show')
  await clock.timeAsync('make', () => showEpoch(pins, tables, places.epoch, undo))
  clock.time('programs', () => placePrograms(tables, places.programBase, artifact.config.programs, objects, undo))
  step('sources')
  warnings.push(...clock.time('machine', () => host.fillSources(cgroup.path, tables.fd('km_source'))))
  step('record')
  const record = newRecord({
    request: upgrade === null ? request : withoutProbe(request),
    places,
    generation: nextNumber(tables),
    namesBytes: epoch.namesBytes,
  })
  undo.add('record', () => freeRecord(tables, record.slot))
  writeRecord(tables, record)
  const facts = instanceFacts(pins, request)
  const report = (sockets: ApplyReport['sockets']): ApplyReport =>
    applyReport({
      request,
      facts,
      cgroup: cgroup.path,
      kept,
      record: { ...record, confirmBy: request.confirmBy ?? 0 },
      epoch,
      states,
      objects: [base, ...requests, ...objects],
      clock,
      sockets,
      warnings,
    })

  if (request.mode === 'dry-run') {
    const result = report({ released: 0, escaped: 0, destroyed: 0 })
    const left = undo.run()
    return { ...result, warnings: [...warnings, ...left.map((what) => warning('KM9122', what))] }
  }
  keepServices(request.instance, artifact)
  undo.add('kept services', () => dropServices(request.instance, upgrade === null ? kept.map(recordDigest) : [upgrade.inForce.artifact]))
  if (servicesOf(artifact) !== undefined) warnings.push(...absenceWarnings(request.instance))
  step('switch')
  clock.time('switch', () => {
    bringIntoForce(pins, tables, record, undo)
    upgrade?.takeOver(base, cgroup, record.epoch, undo)
  })
  step('probe')
  await request.probe?.(cgroup.path, () => void host.fillSources(cgroup.path, tables.fd('km_source')))
  upgrade?.exchange(undo)
  undo.forget()
  const sockets = await settle({ request, pins: place.pins, tables, cgroup: cgroup.path, record, epoch, clock, warnings })
  upgrade?.end()
  return report(sockets)
}

/** What an upgrade cannot do: another plan's, or to be taken back later, as there is no generation to go back to. */
function refuseUndoable({ expected, confirmBy }: ApplyRequest, { inForce }: Upgrade): void {
  if (expected !== undefined) refuseOther(expected, inForce)
  if (confirmBy !== undefined)
    throw coded('KM9127', 'the tables in the kernel have other layouts: once they are replaced there is no generation to go back to', {
      fix: 'Leave --confirm-within out; --probe goes back by itself.',
    })
}

/** Its record would say that it is to be taken back should this process die. */
function withoutProbe({ probe: _, ...request }: ApplyRequest): ApplyRequest {
  return request
}

/**
 * The one write. It can be undone, as a probe may fail: what was in force before is again, and what a decision may still hold is unmade after a grace period.
 * The number is spent by then.
 */
function bringIntoForce(pins: Pins, tables: Tables, record: GenerationRecord, undo: Undo): void {
  const before = liveRecord(tables)
  spendNumber(tables, record.generation)
  undo.add('switch', () => {
    switchTo(tables, before?.slot ?? 0)
    if (before !== undefined) writeRecord(tables, before)
    awaitGracePeriod(pins, tables, record.epoch)
  })
  turnTo(tables, record)
}

function cutOffText(instance: string, dropped: readonly GenerationRecord[]): string {
  if (dropped.length === 0) return `instance "${instance}": tables of an apply that was cut off were left behind`
  const numbers = dropped.map(({ generation, state }) => `generation ${generation} (${state})`)
  return `instance "${instance}": ${numbers.join(', ')} ${numbers.length === 1 ? 'was' : 'were'} left behind by a command that was cut off`
}

/** Open tables of an instance that is in force; null when one has to be made. What an apply that was cut off left behind is removed. */
function openExisting(place: Place, host: ApplyHost, warnings: Finding[]): Tables | null {
  const condition = inspectInstance(place.pins)
  switch (condition.kind) {
    case 'ready':
      return confirmed(place, condition.tables, host, warnings)
    case 'absent':
      return null
    case 'incomplete':
      clearInstance(place.pins)
      warnings.push(warning('KM9135', `instance "${place.instance}" had no generation in force: a first apply or a detach was cut off`))
      return null
    case 'damaged':
      throw coded('KM9107', `instance "${place.instance}" misses ${condition.missing}`)
  }
}

/** One that waits to be confirmed is in the way; when its time is over, it is taken back first. */
function confirmed({ instance, pins }: Place, tables: Tables, host: ApplyHost, warnings: Finding[]): Tables | null {
  const waiting = pending(tables)
  if (waiting === undefined) return tables
  if (!isOverdue(waiting)) {
    tables.close()
    throw refuseWaiting(instance, waiting)
  }
  const back = takeBack(pins, tables, host)
  warnings.push(notConfirmed(waiting, back))
  if (back > 0) return tables
  tables.close()
  return null
}

function withLeftovers(error: unknown, left: readonly string[]): unknown {
  if (left.length === 0) return error
  const leftovers = left.map((what) => warning('KM9122', what))
  if (error instanceof CodedError) return new CodedError([...error.findings, ...leftovers])
  return new CodedError([...coded('KM9116', error instanceof Error ? error.message : String(error)).findings, ...leftovers])
}
