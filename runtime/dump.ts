/**
 * What the kernel holds, by name. In: an instance; out: DumpReport (proto/dump.schema.json), from kernel tables and km_names alone.
 * Dialled address -> filter chain -> cluster -> tiers -> groups -> endpoints, in the words of the configuration.
 */
import { dumpCluster } from './dump-clusters.ts'
import { dumpListeners } from './dump-listeners.ts'
import type { DumpReport } from './dump-report.ts'
import { openInstance, readGeneration, readListeners } from './held-generation.ts'
import { recordDigest } from './record.ts'

export function dump(instance: string): DumpReport {
  const open = openInstance(instance)
  try {
    const held = readGeneration(open)
    return {
      instance,
      generation: Number(held.record.generation),
      artifact: recordDigest(held.record),
      listeners: dumpListeners(held, readListeners(open, held.record)),
      clusters: held.names.clusters.map((_, index) => dumpCluster(held, index)),
    }
  } finally {
    open.tables.close()
  }
}
