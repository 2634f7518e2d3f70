/**
 * Grace periods of RCU, for processes that make many generations: after a switch one begins beside the work, and what was replaced before it ended is known to be read by no program any more. In: switches;
 * out: a promise that is often fulfilled already. A write to a map of maps waits for one (kernel/bpf/syscall.c, maybe_wait_bpf_programs); here it is a map of this process alone.
 */
import { closeSync } from 'node:fs'
import { createMap, u32, update, updateWaiting } from './sys/libbpf-map.ts'

interface Periods {
  /** the number below which nothing is read any more */
  quiet: bigint
  /** one that is under way: what was replaced before `number` came into force is quiet at its end */
  running?: { readonly number: bigint; readonly end: Promise<void> }
}

/** By id of an instance's km_generation. */
const known = new Map<number, Periods>()

let own: { readonly outer: number; readonly inner: number } | undefined

async function onePeriod(): Promise<void> {
  own ??= makeOwn()
  await updateWaiting(own.outer, u32(0), u32(own.inner))
}

function makeOwn(): NonNullable<typeof own> {
  const inner = createMap({ name: 'km_grace', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 })
  try {
    return {
      inner,
      outer: createMap({ name: 'km_graces', type: 'array_of_maps', keySize: 4, valueSize: 4, maxEntries: 1, innerFd: inner }),
    }
  } catch (error) {
    closeSync(inner)
    throw error
  }
}

/** A generation of this number has just come into force. Where a period is under way, the next switch begins the next one. Never throws. `instance`: id of its km_generation. */
export function noteSwitch(instance: number, number: bigint): void {
  const periods = periodsOf(instance)
  if (periods.running !== undefined) return
  const end = onePeriod().then(
    () => {
      periods.quiet = number
      delete periods.running
    },
    () => {
      delete periods.running
    },
  )
  periods.running = { number, end }
}

/** Holds up the thread until every decision that began before has ended. */
export function awaitPeriod(): void {
  own ??= makeOwn()
  update(own.outer, u32(0), u32(own.inner))
}

/** Waits until generations up to `number`, which are not in force, are read by no program. */
export async function untilQuiet(instance: number, number: bigint): Promise<void> {
  const periods = periodsOf(instance)
  if (periods.quiet > number) return
  if (periods.running !== undefined && periods.running.number > number) await periods.running.end
  if (periods.quiet <= number) await onePeriod()
}

function periodsOf(instance: number): Periods {
  const periods = known.get(instance) ?? { quiet: 0n }
  known.set(instance, periods)
  return periods
}
