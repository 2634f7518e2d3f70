/**
 * The process that applied a generation waits for somebody to confirm it. In: which one, and until when; out: it is confirmed, or KM9131 and it is taken back. Should this process die, the record in
 * the kernel still says until when, and the next command or serve takes it back.
 */
import type { ApplyHost } from './apply-request.ts'
import { CodedError, coded } from './coded-error.ts'
import { notConfirmed } from './confirmation.ts'
import { takeBack } from './go-back.ts'
import { existingPins, findPlace } from './place.ts'
import { type GenerationRecord, liveRecord } from './record.ts'
import { openRecordTables } from './record-tables.ts'

const LOOK_EVERY = 100

export interface Awaited {
  readonly instance: string
  readonly generation: number
  /** milliseconds from now */
  readonly within: number
  /** resolves when the process is asked to end: that is a no */
  readonly interrupted: Promise<unknown>
  readonly host: Pick<ApplyHost, 'releaseSockets'>
}

export async function awaitConfirmation({ instance, generation, within, interrupted, host }: Awaited): Promise<void> {
  const deadline = performance.now() + within
  let asked: 'no' | 'yes' = 'no'
  const stopped = interrupted.then(() => {
    asked = 'yes'
  })
  for (;;) {
    const live = look(instance)
    if (live === undefined || live.generation !== BigInt(generation))
      throw coded(
        'KM9131',
        `generation ${generation} was taken back; ${live === undefined ? 'nothing is in force' : `generation ${live.generation} is in force`}`,
      )
    if (live.confirmBy === 0) return
    if (isOver(asked, deadline) && back(instance, live, host) === 'done') return
    await Promise.race([new Promise((resolve) => setTimeout(resolve, LOOK_EVERY)), ...(asked === 'no' ? [stopped] : [])])
  }
}

function isOver(asked: 'no' | 'yes', deadline: number): boolean {
  return asked === 'yes' || performance.now() >= deadline
}

/** Throws KM9131 when it was taken back here; 'busy': another command works on the instance, and what it does is seen next time. */
function back(instance: string, seen: GenerationRecord, host: Pick<ApplyHost, 'releaseSockets'>): 'done' | 'busy' {
  let place: ReturnType<typeof findPlace>
  try {
    place = findPlace(instance)
  } catch (error) {
    if (error instanceof CodedError && error.findings.every(({ code }) => code === 'KM9101')) return 'busy'
    throw error
  }
  if (place === null) return 'busy'
  try {
    const tables = openRecordTables(place.pins)
    if (tables === null) return 'busy'
    try {
      const live = liveRecord(tables)
      if (live?.generation !== seen.generation) return 'busy'
      if (live.confirmBy === 0) return 'done'
      throw new CodedError([{ ...notConfirmed(live, takeBack(place.pins, tables, host)), severity: 'error' }])
    } finally {
      tables.close()
    }
  } finally {
    place.release()
  }
}

function look(instance: string): GenerationRecord | undefined {
  const pins = existingPins(instance)?.pins
  const tables = pins === undefined ? null : openRecordTables(pins)
  if (tables === null) return undefined
  try {
    return liveRecord(tables)
  } finally {
    tables.close()
  }
}
