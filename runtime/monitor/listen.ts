/**
 * Listening to an instance's decisions. In: an open instance; out: decisions by name, in the order in which the kernel told them, and how many were lost. Programs tell nothing before this begins nor after it ends (lease.ts).
 * Invariant: what was told to an earlier monitor, which was killed, is thrown away.
 */
import { statSync } from 'node:fs'
import { decision as layout } from '../../proto/watching.ts'
import type { OpenInstance } from '../held-generation.ts'
import { createOwnerNames, type Owner } from '../metrics/owners.ts'
import { liveSlot, readRecords } from '../record.ts'
import { openRing } from '../sys/libbpf-ringbuf.ts'
import { type Decision, decisionOf } from './decisions.ts'
import { now, takeLease } from './lease.ts'

export interface Listening {
  /** To be called several times a second. */
  read(): Told
  close(): void
}

export interface Told {
  readonly decisions: readonly Decision[]
  /** that found no room since the last time */
  readonly lost: number
  /** milliseconds for which nothing was told, as this was called too late */
  readonly deaf: number
  /** 'gone': the instance was detached, or made again */
  readonly instance: 'there' | 'gone'
}

const MOST = 4096

/** Throws KM9601. */
export function listen({ instance, pins, tables }: OpenInstance): Listening {
  const names = createOwnerNames()
  let known: ReadonlyMap<number, Owner> = names.of(pins, readRecords(tables))
  let slot = liveSlot(tables)
  const lease = takeLease(pins, instance)
  const { ino } = statSync(pins.map('km_decisions'))
  const ring = openRing(tables.fd('km_decisions'), layout.size)
  while (ring.read(MOST).length === MOST);
  let lost = lease.lost()
  const epoch = BigInt(Date.now()) * 1_000_000n - now()
  const nameOf = (state: number): Owner | undefined => known.get(state)
  lease.renew()
  return {
    read() {
      const late = lease.renew()
      const rows = ring.read(MOST)
      const current = liveSlot(tables)
      if (current !== slot) {
        slot = current
        known = names.of(pins, readRecords(tables))
      }
      const before = lost
      lost = lease.lost()
      return {
        decisions: rows.map((row) => decisionOf(row, nameOf, epoch)),
        lost: lost - before,
        deaf: Number(late / 1_000_000n),
        instance: statSync(pins.map('km_decisions'), { throwIfNoEntry: false })?.ino === ino ? 'there' : 'gone',
      }
    },
    close() {
      lease.end()
      ring.close()
    },
  }
}
