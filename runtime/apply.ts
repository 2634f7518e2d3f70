/**
 * Makes an artifact the generation in force. In: a verified artifact and an instance; out: a report, or a coded error and the kernel as it was.
 *
 *   first apply   maps made and pinned -> base programs attached under generation 0 -> epoch, programs, record -> the switch
 *   later ones    a new epoch beside the old -> programs -> record -> the switch -> a grace period -> the generation before last is cleared away
 *
 * Invariant (dataplane.md, section 3): every decision sees the old generation or the new one; each step up to the switch has an undo, and nothing
 * after the switch fails the apply.
 */
import { type ApplyPhase, applyReport } from './apply-report.ts'
import type { ApplyReport, ApplyRequest, ApplyStep } from './apply-request.ts'
import { clearInstance } from './clear.ts'
import { createClock } from './clock.ts'
import { CodedError, coded, type Finding, warning } from './coded-error.ts'
import { inspectInstance, markAbi } from './condition.ts'
import { showEpoch } from './epoch.ts'
import { fillEpoch, fillStates } from './fill.ts'
import { clearAway, freePlaces, placePrograms, splitKept } from './generation.ts'
import { governCgroup } from './governed-cgroup.ts'
import { attachAll, readLinks, renewLinks } from './links.ts'
import type { HeldObject } from './load-object.ts'
import { newRecord } from './new-record.ts'
import { claimPlace, type Place } from './place.ts'
import { freeRecord, readRecords, recordDigest, switchTo, writeRecord } from './record.ts'
import { holdBase, holdUnits } from './hold-programs.ts'
import { attachRequestPrograms, holdRequestPrograms } from './request-programs.ts'
import { absenceWarnings } from './serve/holder-presence.ts'
import { dropServices, keepServices, servicesOf } from './serve/kept-services.ts'
import { settle } from './settle.ts'
import { createTables, type Tables } from './tables.ts'
import { createUndo, type Undo } from './undo.ts'

export async function apply(request: ApplyRequest): Promise<ApplyReport> {
  request.steps?.('place')
  const undo = createUndo(request.made)
  const open: Closing[] = []
  const place = claimPlace(request.instance)
  try {
    return await applyAt(place, request, undo, open)
  } catch (error) {
    throw withLeftovers(error, undo.run())
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
  const { pins } = place
  const step = (name: ApplyStep): void => request.steps?.(name)
  const keep = <T extends Closing>(one: T): T => {
    open.push(one)
    return one
  }
  const clock = createClock<ApplyPhase>()
  const warnings: Finding[] = []

  const existing = openExisting(place)
  if (existing !== null) keep(existing)
  step('cgroup')
  const cgroup = governCgroup(place, request.cgroup, undo)
  step('foreign')
  warnings.push(...clock.time('machine', () => host.checkForeign(cgroup.path, new Set(readLinks(pins).map((link) => link.programId)))))
  step('maps')
  markAbi(pins, undo)
  const tables = existing ?? keep(createTables(pins, undo))
  step('clear')
  const { kept, dropped } = splitKept(readRecords(tables))
  await clearAway(pins, tables, kept, dropped)

  step('base')
  const base = keep(clock.time('programs', () => holdBase(pins, artifact, tables, undo)))
  const requests = clock.time('programs', () => holdRequestPrograms(pins, artifact, tables, undo)).map(keep)
  step('links')
  if (request.mode === 'apply') {
    attachRequestPrograms(pins, tables, requests, undo)
    if (existing === null) attachAll(pins, cgroup.path, base, undo)
    else {
      const moved = renewLinks(pins, cgroup, base, undo)
      if (moved.length > 0)
        warnings.push(warning('KM9114', `${cgroup.path} was removed and made again; the programs are attached to the new one`))
    }
  }

  step('states')
  const places = freePlaces(kept)
  const states = fillStates(pins, tables, artifact, kept, clock, undo)
  step('programs')
  const objects: readonly HeldObject[] = clock.time('programs', () => holdUnits(pins, artifact, tables, undo)).map(keep)
  clock.time('programs', () => placePrograms(tables, places.programBase, artifact.config.programs, objects, undo))
  step('tables')
  const epoch = fillEpoch(
    pins,
    places.epoch,
    artifact,
    states.ids,
    objects.map(({ unit, digest }) => ({ unit, object: digest })),
    clock,
    undo,
  )
  step('show')
  await clock.timeAsync('make', () => showEpoch(pins, tables, places.epoch, undo))
  step('sources')
  warnings.push(...clock.time('machine', () => host.fillSources(cgroup.path, tables.fd('km_source'))))
  step('record')
  const record = newRecord({ request, places, kept, namesBytes: epoch.namesBytes })
  undo.add('record', () => freeRecord(tables, record.slot))
  writeRecord(tables, record)
  const report = (sockets: ApplyReport['sockets']): ApplyReport =>
    applyReport({
      request,
      pins,
      cgroup: cgroup.path,
      kept,
      record,
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
  if (servicesOf(artifact) !== undefined) warnings.push(...absenceWarnings(request.instance))
  step('switch')
  clock.time('switch', () => switchTo(tables, record.slot))
  undo.forget()
  const sockets = await settle({ request, pins, tables, cgroup: cgroup.path, kept, record, epoch, clock, warnings })
  dropServices(request.instance, readRecords(tables).map(recordDigest))
  return report(sockets)
}

/** Open tables of an instance that is in force; null when one has to be made. What an apply that was cut off left behind is removed. */
function openExisting(place: Place): Tables | null {
  const condition = inspectInstance(place.pins)
  switch (condition.kind) {
    case 'ready':
      return condition.tables
    case 'absent':
      return null
    case 'incomplete':
      clearInstance(place.pins)
      return null
    case 'damaged':
      throw coded('KM9107', `instance "${place.instance}" misses ${condition.missing}`)
  }
}

function withLeftovers(error: unknown, left: readonly string[]): unknown {
  if (left.length === 0) return error
  const leftovers = left.map((what) => warning('KM9122', what))
  if (error instanceof CodedError) return new CodedError([...error.findings, ...leftovers])
  return new CodedError([...coded('KM9116', error instanceof Error ? error.message : String(error)).findings, ...leftovers])
}
