/** How many requests of an instance went to user space so far, by reason. In: an instance; out: counts by the names of SLOW_REASONS, without those of none. */
import { failureKey } from '../../proto/abi.ts'
import { SLOW_REASON_BASE, SLOW_REASONS } from '../../proto/http/sockets.ts'
import { fieldOf, viewOf } from '../../runtime/field.ts'
import { pinsOf } from '../../runtime/pins.ts'
import { readAll } from '../../runtime/sys/libbpf-map.ts'
import { findBpffs } from '../../runtime/sys/mountinfo.ts'
import { mapSpec } from '../../runtime/table-shape.ts'
import { openTables } from '../../runtime/tables.ts'

export type Falls = Readonly<Record<string, number>>

export function fallsOf(instance: string): Falls {
  const tables = openTables(pinsOf(findBpffs() ?? '/', instance))
  if (tables === null) return {}
  try {
    const { keySize, valueSize, maxEntries } = mapSpec('km_failure')
    const { keys, values } = readAll(tables.fd('km_failure'), keySize, valueSize, maxEntries)
    const [from, counts] = [viewOf(keys), viewOf(values)]
    const falls: Record<string, number> = {}
    for (let row = 0; row * keySize < keys.length; row++) {
      const number = from.getUint32(row * keySize + fieldOf(failureKey, 'reason').offset, true) - SLOW_REASON_BASE
      if (number < 0) continue
      const name = Object.entries(SLOW_REASONS).find(([, value]) => value === number)?.[0] ?? `${number}`
      falls[name] = (falls[name] ?? 0) + Number(counts.getBigUint64(row * valueSize, true))
    }
    return falls
  } finally {
    tables.close()
  }
}

/** Those that came since. */
export function fallsSince(before: Falls, after: Falls): Falls {
  const more = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
  return Object.fromEntries(more.filter(([, count]) => count > 0))
}

export function sumFalls(all: readonly Falls[]): Falls {
  const sum: Record<string, number> = {}
  for (const one of all) for (const [name, count] of Object.entries(one)) sum[name] = (sum[name] ?? 0) + count
  return sum
}
