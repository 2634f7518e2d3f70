/**
 * Is somebody listening? In: an instance's pins. Out: the word that programs look at before they tell anything (proto/watching.ts), put off for as long as a monitor is there. One that was killed stops nothing: the time passes, and the
 * first program that finds that takes the word back. Invariant: one monitor at a time, by a lock that ends with its process.
 */
import { closeSync } from 'node:fs'
import { MONITOR_LEASE, monitor as layout } from '../../proto/watching.ts'
import { coded } from '../coded-error.ts'
import { fieldOf } from '../field.ts'
import type { Pins } from '../pins.ts'
import { openPin, openPinIfThere } from '../sys/libbpf-pin.ts'
import { tryLock } from '../sys/lock.ts'
import { mapMemory, withMapMemory } from '../sys/map-memory.ts'

const UNTIL = fieldOf(layout, 'until').offset
const LOST = fieldOf(layout, 'lost').offset

export interface MonitorState {
  readonly listening: boolean
  /** decisions that found no room, in all */
  readonly lost: number
}

export interface Lease {
  /** To be called several times a lease. Nanoseconds for which nobody was told anything, as it was late */
  renew(): bigint
  lost(): number
  end(): void
}

export function readMonitor(pins: Pins): MonitorState {
  const fd = openPinIfThere(pins.map('km_monitor'))
  if (fd === null) return { listening: false, lost: 0 }
  let state: MonitorState = { listening: false, lost: 0 }
  try {
    withMapMemory(fd, layout.size, (row) => {
      state = { listening: row.getBigUint64(UNTIL, true) > now(), lost: Number(row.getBigUint64(LOST, true)) }
    })
  } finally {
    closeSync(fd)
  }
  return state
}

/** Throws KM9601 when another monitor listens. */
export function takeLease(pins: Pins, instance: string): Lease {
  const lock = tryLock(pins.links)
  if (lock === null) throw coded('KM9601', `another monitor listens to instance "${instance}"`)
  try {
    const fd = openPin(pins.map('km_monitor'))
    const { values, unmap } = mapMemory(fd, layout.size)
    closeSync(fd)
    let until = 0n
    const word = new BigUint64Array(values.buffer, values.byteOffset + UNTIL, 1)
    return {
      renew: () => {
        const time = now()
        const late = until === 0n || time <= until ? 0n : time - until
        until = time + BigInt(MONITOR_LEASE)
        Atomics.store(word, 0, until)
        return late
      },
      lost: () => Number(values.getBigUint64(LOST, true)),
      end: () => {
        Atomics.store(word, 0, 0n)
        unmap()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** As bpf_ktime_get_ns() has it: both are CLOCK_MONOTONIC. */
export function now(): bigint {
  return process.hrtime.bigint()
}
