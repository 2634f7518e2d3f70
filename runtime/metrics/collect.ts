/**
 * One reading of an instance. In: its name, what has series of its own, names that are remembered. Out: samples; without an instance in force only that it is not. Nothing is changed, and no lock is taken but
 * those of counters. Invariant: names and counts are of one generation in force.
 */
import { release } from 'node:os'
import { productVersion } from '../../proto/command-line.ts'
import { pool } from '../../proto/http/sockets.ts'
import { RUNTIME_COUNTERS, type RuntimeCounter } from '../../proto/watching.ts'
import { CodedError } from '../coded-error.ts'
import { structuralFaults } from '../drift/structure.ts'
import { rowReader } from '../field.ts'
import { type HeldGeneration, type OpenInstance, openInstance, readGeneration } from '../held-generation.ts'
import { instanceMemory } from '../memory.ts'
import { readMonitor } from '../monitor/lease.ts'
import { readRecords, recordDigest } from '../record.ts'
import { openRuntimeCounts } from '../runtime-counts.ts'
import { askHolder, type HolderReport } from '../serve/holder-presence.ts'
import { attachment } from '../status.ts'
import { readAll } from '../sys/libbpf-map.ts'
import type { Bound } from './bound.ts'
import { type Counts, readCounts } from './counts.ts'
import { addOwners, addTotals } from './owner-samples.ts'
import type { Owner, OwnerNames } from './owners.ts'
import { createSamples, type Samples } from './samples.ts'

export interface Collecting {
  readonly instance: string
  readonly bound: Bound
  readonly names: OwnerNames
}

export async function collect(collecting: Collecting): Promise<Samples> {
  const start = performance.now()
  const samples = createSamples()
  samples.add('build', [productVersion(), release()], 1)
  const open = tryOpen(collecting.instance)
  samples.add('up', [], open === null ? 0 : 1)
  if (open !== null) {
    try {
      addInstance(samples, open, collecting)
    } finally {
      open.tables.close()
    }
    addHolder(samples, await askHolder(collecting.instance).catch(() => null))
  }
  samples.add('scrapeSeconds', [], (performance.now() - start) / 1000)
  return samples
}

/** null: there is none, or it is not whole. */
function tryOpen(instance: string): OpenInstance | null {
  try {
    return openInstance(instance)
  } catch (error) {
    if (error instanceof CodedError) return null
    throw error
  }
}

const ATTEMPTS = 5

function addInstance(samples: Samples, open: OpenInstance, { bound, names }: Collecting): void {
  const { counts, owners } = consistently(open, names)
  addOwners(samples, counts, owners, bound)
  addTotals(samples, counts, bound)
  addGeneration(samples, open, readGeneration(open))
  addRuntime(samples, open)
  const memory = instanceMemory(open.pins)
  for (const part of ['tables', 'state', 'constant'] as const) samples.add('memory', [part], memory[part])
  samples.add('stateRows', ['owned'], counts.owned)
  samples.add('stateRows', ['free'], counts.free)
  addPools(samples, open)
  const { listening, lost } = readMonitor(open.pins)
  samples.add('monitorListening', [], listening ? 1 : 0)
  samples.add('monitorLost', [], lost)
}

/** Names before counts, and both again when something else came into force in between. */
function consistently(
  { pins, tables }: OpenInstance,
  names: OwnerNames,
): { readonly counts: Counts; readonly owners: ReadonlyMap<number, Owner> } {
  for (let attempt = 1; ; attempt++) {
    const records = readRecords(tables)
    const before = liveNumber(records)
    try {
      const owners = names.of(pins, records)
      const counts = readCounts(pins, tables)
      if (liveNumber(readRecords(tables)) === before || attempt === ATTEMPTS) return { counts, owners }
    } catch (error) {
      // an epoch was cleared away meanwhile
      if (attempt === ATTEMPTS) throw error
    }
  }
}

function liveNumber(records: ReturnType<typeof readRecords>): bigint | undefined {
  return records.find(({ state }) => state === 'live')?.generation
}

function addGeneration(samples: Samples, open: OpenInstance, held: HeldGeneration): void {
  const { record, others } = held
  const { cgroup, links } = attachment(open)
  samples.add('instance', [open.instance, cgroup.path], 1)
  samples.add('generation', [], Number(record.generation))
  samples.add('generationInfo', [recordDigest(record), String(record.generation)], 1)
  samples.add('appliedAt', [], record.appliedAt)
  samples.add('httpServices', [], held.names.services.length)
  samples.add('generationsKept', [], others.filter(({ state }) => state === 'retained' || state === 'abandoned').length)
  samples.add('confirmationPending', [], record.confirmBy === 0 ? 0 : 1)
  samples.add('drift', [], structuralFaults(open, held).length)
  samples.add('governed', [], cgroup.state === 'governed' ? 1 : 0)
  for (const state of ['attached', 'elsewhere', 'missing'] as const)
    samples.add('links', [state], links.filter((link) => link.state === state).length)
}

const CHANGE = /^(artifact|delta|rollback)_(applied|failed|refused)$/
const EVENT = /^slow_(.+)$/

function addRuntime(samples: Samples, { pins }: OpenInstance): void {
  const counts = openRuntimeCounts(pins)
  if (counts === null) return
  try {
    for (const counter of Object.keys(RUNTIME_COUNTERS) as RuntimeCounter[]) {
      const [, kind, result] = CHANGE.exec(counter) ?? []
      if (kind !== undefined && result !== undefined) samples.add('applies', [kind, result], counts.of(counter))
      const [, event] = EVENT.exec(counter) ?? []
      if (event !== undefined) samples.add('slowEvents', [event], counts.of(counter))
    }
    samples.add('holderLosses', [], counts.of('holder_lost'))
    samples.add('requests', ['user_space'], counts.of('slow_requests'))
    for (const [status, count] of counts.replies()) samples.add('slowReplies', [String(status)], count)
  } finally {
    counts.close()
  }
}

function addPools(samples: Samples, { tables }: OpenInstance): void {
  const { values, count } = readAll(tables.fd('km_pool'), 4, pool.size, 2048)
  const read = rowReader(pool, values)
  let pools = 0
  let connections = 0
  let idle = 0
  for (let at = 0; at < count * pool.size; at += pool.size) {
    const open = read.number(at, 'open')
    if (open === 0) continue
    pools++
    connections += open
    for (let word = 0; word < 4; word++) idle += bitsOf(read.big(at, 'idle', word))
  }
  samples.add('pools', [], pools)
  samples.add('poolConnections', ['open'], connections)
  samples.add('poolConnections', ['idle'], idle)
}

function bitsOf(word: bigint): number {
  let count = 0
  for (let rest = word; rest !== 0n; rest &= rest - 1n) count++
  return count
}

const HOLDER_STATES = [
  ['all', 'connections'],
  ['handed', 'handed'],
  ['waiting', 'waiting'],
] as const
const HOLDER_EVENTS = [
  ['accepted', 'accepted'],
  ['returned', 'returned'],
  ['opened', 'opened'],
  ['open_failed', 'openFailed'],
  ['timed_out', 'timedOut'],
  ['upstream_lost', 'upstreamLost'],
  ['relayed', 'relayed'],
] as const

function addHolder(samples: Samples, holder: HolderReport | null): void {
  samples.add('holderUp', [], holder === null ? 0 : 1)
  samples.add('serving', [], holder?.node === 'serving' ? 1 : 0)
  if (holder === null) return
  for (const [state, name] of HOLDER_STATES) samples.add('holderConnections', [state], holder.counters[name])
  for (const [event, name] of HOLDER_EVENTS) samples.add('holderEvents', [event], holder.counters[name])
}
