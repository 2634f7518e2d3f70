/**
 * After the switch: the generation before is retained, those beyond what is kept cleared away, sockets that stick to endpoints that left are released.
 * In: what apply made; out: what happened to sockets. Invariant: the new generation is in force, so nothing here fails the apply: what goes wrong is a
 * warning, and the next apply clears what was left.
 */
import type { ApplyReport, ApplyRequest, ApplyStep } from './apply-request.ts'
import type { Clock } from './clock.ts'
import { CodedError, type Finding, warning } from './coded-error.ts'
import { decidedPlaces } from './decided-places.ts'
import { decidedSocket } from './decided-socket.ts'
import { type DepartedEndpoint, endpointPlaces } from './departed.ts'
import { waitGracePeriod } from './epoch.ts'
import type { FilledEpoch } from './fill.ts'
import { clearAway, splitKept } from './generation.ts'
import { type GovernedAddresses, governedAddresses } from './governed-addresses.ts'
import { readKeep, writeKeep } from './keep.ts'
import { dropReplaced, dropUnusedBase } from './links.ts'
import type { Pins } from './pins.ts'
import { type GenerationRecord, readRecords, recordDigest, writeRecord } from './record.ts'
import { dropServices } from './serve/kept-services.ts'
import type { Tables } from './tables.ts'
import { departures, markSettled } from './turn.ts'

export interface Settling {
  readonly request: ApplyRequest
  readonly pins: Pins
  readonly tables: Tables
  readonly cgroup: string
  readonly record: GenerationRecord
  readonly epoch: FilledEpoch
  readonly clock: Clock<'machine'>
  /** gets what goes wrong */
  readonly warnings: Finding[]
}

export async function settle(settling: Settling): Promise<ApplyReport['sockets']> {
  const { request, pins, tables, record, clock, warnings } = settling
  let departed: readonly DepartedEndpoint[] = []
  await attempt('settle', async () => {
    writeRecord(tables, { ...record, state: 'live', confirmBy: request.confirmBy ?? 0 })
    if (request.keep !== undefined) writeKeep(pins, request.keep)
    departed = departures(pins, tables, record)
    for (const old of split().dropped) writeRecord(tables, { ...old, state: 'draining' })
    await waitGracePeriod(pins, tables, record.epoch)
  })
  await attempt('retire', async () => {
    const { kept, dropped } = split()
    await clearAway(pins, tables, kept, dropped)
    dropReplaced(pins)
    dropUnusedBase(pins)
    dropServices(request.instance, kept.map(recordDigest))
  })
  let sockets = { released: 0, escaped: 0, destroyed: 0 }
  await attempt('sockets', async () => {
    clock.time('machine', () => {
      const { released, warnings: stuck } =
        departed.length === 0 ? { released: 0, warnings: [] } : request.host.releaseSockets(settling.cgroup, departed)
      const { escaped, destroyed, warnings: loose } = request.host.escapedSockets(settling.cgroup, governedBy(settling))
      warnings.push(...stuck, ...loose)
      sockets = { released, escaped, destroyed }
    })
    markSettled(tables)
  })
  return sockets

  /** One that waits to be confirmed keeps the one before it, whatever is kept else. */
  function split(): ReturnType<typeof splitKept> {
    return splitKept(readRecords(tables), Math.max(readKeep(pins), request.confirmBy === undefined ? 0 : 1))
  }

  async function attempt(step: ApplyStep, work: () => Promise<void>): Promise<void> {
    try {
      request.steps?.(step)
      await work()
    } catch (error) {
      if (error instanceof CodedError) warnings.push(...error.findings.map((finding): Finding => ({ ...finding, severity: 'warning' })))
      else warnings.push(warning('KM9122', `${step} after the switch: ${error instanceof Error ? error.message : String(error)}`))
    }
  }
}

/** Worked out only when a socket asks. */
function governedBy({ request, tables, epoch, record }: Settling): GovernedAddresses {
  let known: GovernedAddresses | undefined
  return {
    governs: (protocol, address, port) => {
      known ??= governedAddresses(
        decidedPlaces(request.artifact.tables, request.diverted),
        endpointPlaces({ cluster: epoch.cluster, endpoint: epoch.endpoint, generation: record.generation }),
      )
      return known.governs(protocol, address, port)
    },
    decided: (descriptor) => decidedSocket(tables, descriptor),
  }
}
