/**
 * After the switch: the generation before is retained, the one before that cleared away, sockets that stick to endpoints that left are released.
 * In: what apply made; out: what happened to sockets. Invariant: the new generation is in force, so nothing here fails the apply: what goes wrong is a
 * warning, and the next apply clears what was left.
 */
import { cluster as clusterLayout, RECORD_HAS_UDP, ROW_SIZE } from '../proto/abi.ts'
import type { ApplyReport, ApplyRequest, ApplyStep } from './apply-request.ts'
import type { Clock } from './clock.ts'
import { CodedError, type Finding, warning } from './coded-error.ts'
import { decidedPlaces } from './decided-places.ts'
import { decidedSocket } from './decided-socket.ts'
import { type DepartedEndpoint, departedEndpoints, type EndpointTables, endpointPlaces, endpointStates } from './departed.ts'
import { readTable, waitGracePeriod } from './epoch.ts'
import type { FilledEpoch } from './fill.ts'
import { clearAway, splitKept } from './generation.ts'
import { type GovernedAddresses, governedAddresses } from './governed-addresses.ts'
import { dropReplaced, dropUnusedBase } from './links.ts'
import type { Pins } from './pins.ts'
import { type GenerationRecord, readRecords, writeRecord } from './record.ts'
import { markDepartures } from './state-shards.ts'
import type { Tables } from './tables.ts'

export interface Settling {
  readonly request: ApplyRequest
  readonly pins: Pins
  readonly tables: Tables
  readonly cgroup: string
  /** generations that were kept until now */
  readonly kept: readonly GenerationRecord[]
  readonly record: GenerationRecord
  readonly epoch: FilledEpoch
  readonly clock: Clock<'machine'>
  /** gets what goes wrong */
  readonly warnings: Finding[]
}

export async function settle(settling: Settling): Promise<ApplyReport['sockets']> {
  const { request, pins, tables, kept, record, clock, warnings } = settling
  const before = kept.find((candidate) => candidate.state === 'live')
  let departed: readonly DepartedEndpoint[] = []
  await attempt('settle', async () => {
    departed = departedSince(
      settling,
      kept.filter((candidate) => candidate === before || candidate.unsettled === true),
    )
    for (const old of kept) if (old !== before) writeRecord(tables, { ...old, state: 'draining' })
    await waitGracePeriod(pins, tables, record.epoch)
  })
  await attempt('retire', async () => {
    const split = splitKept(readRecords(tables))
    await clearAway(pins, tables, split.kept, split.dropped)
    dropReplaced(pins)
    dropUnusedBase(pins)
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
    // last of all, so that an apply after one that was cut off knows what is still to be done
    if (before !== undefined) writeRecord(tables, { ...before, state: 'retained' })
  })
  return sockets

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

/** Endpoints that UDP sockets must leave; unconnected ones are told here, connected ones are released by the caller. */
function departedSince({ pins, record, epoch }: Settling, earlier: readonly GenerationRecord[]): readonly DepartedEndpoint[] {
  const now: EndpointTables = { cluster: epoch.cluster, endpoint: epoch.endpoint, generation: record.generation }
  const old = earlier
    .filter(({ flags }) => (flags & RECORD_HAS_UDP) !== 0)
    .map(
      (before): EndpointTables => ({
        cluster: readTable(pins, before.epoch, 'km_cluster', clusterLayout.size),
        endpoint: readTable(pins, before.epoch, 'km_endpoint', ROW_SIZE),
        generation: before.generation,
      }),
    )
  if (old.length === 0) return []
  const staying = endpointStates(now)
  const left = new Set(old.flatMap((tables) => [...endpointStates(tables)]).filter((id) => !staying.has(id)))
  markDepartures(pins, staying, left)
  return old.flatMap((tables) => departedEndpoints(tables, now))
}
