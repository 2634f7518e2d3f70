/**
 * Generations that wait to be confirmed (`apply --confirm-within`). In: an instance whose record says until when; out: it is confirmed, or taken back: by the process that applied it,
 * and should that have died by whatever command or serve looks at the instance next. Invariant: the record in the kernel alone says what waits.
 */
import { type CodedError, coded, type Finding, warning } from './coded-error.ts'
import { type GenerationRecord, liveRecord, type RecordTables, timeOf, writeRecord } from './record.ts'

/** The generation in force, when it waits; undefined: nothing does. */
export function pending(tables: RecordTables): GenerationRecord | undefined {
  const live = liveRecord(tables)
  return live === undefined || live.confirmBy === 0 ? undefined : live
}

export function isOverdue({ confirmBy }: GenerationRecord): boolean {
  return confirmBy !== 0 && Date.now() / 1000 >= confirmBy
}

/** From now on it stays. */
export function settleConfirmation(tables: RecordTables, waiting: GenerationRecord): void {
  writeRecord(tables, { ...waiting, confirmBy: 0 })
}

/** Another generation may not take the place of one that waits. */
export function refuseWaiting(instance: string, { generation, confirmBy }: GenerationRecord): CodedError {
  return coded('KM9130', `generation ${generation} of instance "${instance}" waits to be confirmed until ${timeOf(confirmBy)}`)
}

/** `back`: the number of the generation that is in force again, 0 for none. */
export function notConfirmed(waiting: GenerationRecord, back: number): Finding {
  const now = back === 0 ? 'nothing was in force before, so it is detached' : `generation ${back} is in force again`
  return warning('KM9131', `generation ${waiting.generation} was not confirmed in time; ${now}`)
}
