/**
 * Requests that the kernel has sent and that may be tried again (proto/http/keeping.ts). In: the instance's km_kept, the number of a row and whose it is. Out: the request as it came, and what is known
 * of its first try. Invariant: the row belongs to an upstream that user space holds, so it does not change meanwhile; what is returned is a copy.
 */
import { addressText } from '../../proto/address/address-text.ts'
import { ROW_TURN } from '../../proto/http/editing.ts'
import { KEPT_MAX, KEPTS, kept } from '../../proto/http/keeping.ts'
import { fieldOf, rowReader } from '../field.ts'
import type { OpenInstance } from '../held-generation.ts'
import { mapMemory } from '../sys/map-memory.ts'
import type { KeptRequest } from './slow-lane.ts'

export interface KeptRows {
  /** `number`: of the row, from 1; 0: none. `upstream`: its cookie. undefined: the row is not this upstream's */
  read(number: number, upstream: bigint): KeptRequest | undefined
  close(): void
}

const BYTES = fieldOf(kept, 'bytes').offset
const NANOSECONDS = 1_000_000n

export function openKeptRows({ tables }: OpenInstance): KeptRows {
  const { values, unmap } = mapMemory(tables.fd('km_kept'), KEPTS * kept.size)
  const rows = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const row = rowReader(kept, rows)
  let state: 'open' | 'closed' = 'open'
  return {
    read(number, upstream) {
      if (state === 'closed' || number === 0) return undefined
      const base = ((number - 1) % KEPTS) * kept.size
      if ((row.big(base, 'taken') & ~ROW_TURN) !== upstream) return undefined
      const length = Math.min(row.number(base, 'length'), KEPT_MAX)
      return {
        bytes: Buffer.from(rows.subarray(base + BYTES, base + BYTES + length)),
        random: row.big(base, 'random'),
        started: Number(row.big(base, 'started') / NANOSECONDS),
        endpoint: { address: addressText(row.bytes(base, 'address')), port: row.number(base, 'port') },
      }
    },
    close() {
      if (state === 'open') unmap()
      state = 'closed'
    },
  }
}
