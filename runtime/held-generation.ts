/**
 * The generation in force, read back from the kernel: records, names and tables, nothing else. In: an instance's name; out: its parts.
 * Reading takes no lock: when an apply clears the epoch away meanwhile, it is read again.
 */
import { chain, cluster, listenerKey, listenerValue, matchKey, NAMES_CHUNK, ROW_SIZE } from '../proto/abi.ts'
import type { NamesDocument } from '../proto/artifact/format.ts'
import { coded } from './coded-error.ts'
import { inspectInstance, unready } from './condition.ts'
import { readEntries, readTable } from './epoch.ts'
import { type HeldNames, unpackNames } from './names.ts'
import type { Pins } from './pins.ts'
import { existingPins, listInstances } from './place.ts'
import { type GenerationRecord, readRecords } from './record.ts'
import type { Entries } from './sys/libbpf-map.ts'
import { isErrno } from './sys/system-error.ts'
import type { Tables } from './tables.ts'

export interface OpenInstance {
  readonly instance: string
  readonly pins: Pins
  readonly tables: Tables
}

/** Throws KM9106, KM9107 or KM9123 when there is nothing to read. The caller closes the tables. */
export function openInstance(instance: string): OpenInstance {
  const place = existingPins(instance)
  const condition = place === null ? { kind: 'absent' as const } : inspectInstance(place.pins)
  switch (condition.kind) {
    case 'ready':
      return { instance, pins: (place as NonNullable<typeof place>).pins, tables: condition.tables }
    case 'absent': {
      const others = place === null ? [] : listInstances(place.bpffs).filter((name) => name !== instance)
      throw coded('KM9106', `nothing is pinned for instance "${instance}"${others.length > 0 ? `; there is ${others.join(', ')}` : ''}`)
    }
    default:
      throw unready(instance, condition)
  }
}

/** What says which clusters a generation has, and their endpoints: of the kernel, or of an artifact. */
export interface ClusterTables {
  readonly record: Pick<GenerationRecord, 'generation'>
  readonly names: NamesDocument
  readonly cluster: Buffer
  readonly endpoint: Buffer
}

export interface HeldGeneration extends ClusterTables {
  readonly record: GenerationRecord
  /** the others that are kept, newest first */
  readonly others: readonly GenerationRecord[]
  readonly names: HeldNames
}

/** Records, names, clusters and endpoints of a generation; default: of the one in force. */
export function readGeneration({ pins, tables, instance }: OpenInstance, of?: GenerationRecord): HeldGeneration {
  return stable(() => {
    const records = readRecords(tables)
    const record = of ?? records.find(({ state }) => state === 'live')
    if (record === undefined) throw coded('KM9123', `instance "${instance}" has no generation in force`)
    const packed = readTable(pins, record.epoch, 'km_names', NAMES_CHUNK).subarray(0, record.namesBytes)
    return {
      record,
      others: records.filter((other) => other !== record).sort((a, b) => (a.generation < b.generation ? 1 : -1)),
      names: unpackNames(packed),
      cluster: readTable(pins, record.epoch, 'km_cluster', cluster.size),
      endpoint: readTable(pins, record.epoch, 'km_endpoint', ROW_SIZE),
    }
  })
}

export interface HeldListeners {
  readonly listeners: Entries
  readonly matches: Entries
  readonly chain: Buffer
}

/** The tables that lead from a dialled address to a cluster. */
export function readListeners({ pins }: OpenInstance, record: GenerationRecord): HeldListeners {
  return {
    listeners: readEntries(pins, record.epoch, 'km_listener', listenerKey.size, listenerValue.size),
    matches: readEntries(pins, record.epoch, 'km_match', matchKey.size, 4),
    chain: readTable(pins, record.epoch, 'km_chain', chain.size),
  }
}

const ATTEMPTS = 5

function stable<T>(read: () => T): T {
  for (let attempt = 1; ; attempt++) {
    try {
      return read()
    } catch (error) {
      if (attempt === ATTEMPTS || !isErrno(error, 'ENOENT', 'Z_DATA_ERROR', 'Z_BUF_ERROR')) throw error
    }
  }
}
