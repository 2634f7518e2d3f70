/** How many requests of an instance went to user space so far. In: an instance. Out: the sum of its counters of falls, whatever the reason. */
import { failureKey } from '../../proto/abi.ts'
import { SLOW_REASON_BASE } from '../../proto/http/sockets.ts'
import { REPLY_BASE } from '../../proto/watching.ts'
import { fieldOf, viewOf } from '../../runtime/field.ts'
import { pinsOf } from '../../runtime/pins.ts'
import { findBpffs } from '../../runtime/sys/mountinfo.ts'
import { readAll } from '../../runtime/sys/libbpf-map.ts'
import { openTables } from '../../runtime/tables.ts'
import { mapSpec } from '../../runtime/table-shape.ts'

/** Opens the instance's counters once; call the result as often as wanted. */
export function openSlowCounter(instance: string): { read(): number; close(): void } {
  const tables = openTables(pinsOf(findBpffs() ?? '/', instance))
  if (tables === null) throw new Error(`instance ${instance} has no tables`)
  const { keySize, valueSize, maxEntries } = mapSpec('km_failure')
  const fd = tables.fd('km_failure')
  return {
    read() {
      const { keys, values } = readAll(fd, keySize, valueSize, maxEntries)
      const [from, what] = [viewOf(keys), viewOf(values)]
      let sum = 0
      for (let row = 0; row * keySize < keys.length; row++) {
        const reason = from.getUint32(row * keySize + fieldOf(failureKey, 'reason').offset, true)
        if (reason >= SLOW_REASON_BASE && reason < REPLY_BASE) sum += Number(what.getBigUint64(row * valueSize, true))
      }
      return sum
    },
    close: () => tables.close(),
  }
}

/** One look. */
export function slowRequests(instance: string): number {
  const counter = openSlowCounter(instance)
  try {
    return counter.read()
  } finally {
    counter.close()
  }
}
