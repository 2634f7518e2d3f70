/**
 * Counts of owners that are gone, which no row of km_state holds any more (proto/watching.ts). In: an instance's pins; out: numbers by owner and counter, additions. They live in bpffs, so that they outlive every
 * process. Invariant: additions come one after the other (a lock on the directory of epochs), and whoever reads while counts move from rows to here reads again.
 */
import { closeSync } from 'node:fs'
import { TALLY_TURN, tallyKey } from '../proto/watching.ts'
import { packRow } from './field.ts'
import type { Pins } from './pins.ts'
import { readByTwo } from './read-by-two.ts'
import { lookup, update } from './sys/libbpf-map.ts'
import { openPin, openPinIfThere } from './sys/libbpf-pin.ts'
import { waitForLock } from './sys/lock.ts'

/** By owner, then by counter. */
export type Tally = ReadonlyMap<number, ReadonlyMap<number, number>>
export type Additions = readonly (readonly [owner: number, counter: number, amount: number])[]

const NONE: ReadonlyMap<number, number> = new Map()
const TURN = packRow(tallyKey, { owner: TALLY_TURN, counter: 0 })

export interface OpenTally {
  add(additions: Additions): void
  /** Counts move between rows and here during `work`. */
  moving(work: () => void): void
}

/** Runs `work` while nobody else adds. For work of a few milliseconds. */
export function withTally<T>(pins: Pins, work: (tally: OpenTally) => T): T {
  const lock = waitForLock(pins.epochs)
  try {
    const fd = openPin(pins.map('km_tally'))
    try {
      return work({ add: (additions) => add(fd, additions), moving: (move) => moving(fd, move) })
    } finally {
      closeSync(fd)
    }
  } finally {
    lock.release()
  }
}

const TURNS = 200

/** What `read` gives, and the tally beside it: both from one moment between two moves. A move that was cut off is not waited for. */
export function readBeside<T>(pins: Pins, read: () => T): { readonly tally: Tally; readonly beside: T } {
  const fd = openPinIfThere(pins.map('km_tally'))
  if (fd === null) return { tally: new Map(), beside: read() }
  try {
    for (let attempt = 1; ; attempt++) {
      const before = wordOf(fd, TURN)
      const tally = readTally(fd)
      const beside = read()
      if (attempt === TURNS || (before % 2n === 0n && wordOf(fd, TURN) === before)) return { tally, beside }
    }
  } finally {
    closeSync(fd)
  }
}

export function tallied(tally: Tally, owner: number): ReadonlyMap<number, number> {
  return tally.get(owner) ?? NONE
}

function readTally(fd: number): Tally {
  return readByTwo(fd, tallyKey, ['owner', 'counter'], 1024)
}

function wordOf(fd: number, key: Buffer): bigint {
  const value = Buffer.alloc(8)
  lookup(fd, key, value)
  return value.readBigUInt64LE(0)
}

function put(fd: number, key: Buffer, value: bigint): void {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  update(fd, key, bytes)
}

function add(fd: number, additions: Additions): void {
  for (const [owner, counter, amount] of additions) {
    if (amount === 0) continue
    const key = packRow(tallyKey, { owner, counter })
    put(fd, key, wordOf(fd, key) + BigInt(amount))
  }
}

function moving(fd: number, work: () => void): void {
  put(fd, TURN, wordOf(fd, TURN) | 1n)
  try {
    work()
  } finally {
    put(fd, TURN, wordOf(fd, TURN) + 1n)
  }
}
