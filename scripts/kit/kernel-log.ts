/**
 * The kernel log, to find out whether a run made the kernel complain. In: nothing; out: records with their sequence numbers, and which of them are
 * complaints. Where the log cannot be read it is empty, and `lastRecord` gives undefined.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs'

export interface LogRecord {
  /** grows by one with each record of the kernel's life */
  readonly sequence: number
  readonly text: string
}

const DEVICE = '/dev/kmsg'
/** More than a record can have. */
const RECORD_BYTES = 8192

/** All records that the kernel still has, in their order. Each read gives one. */
export function readKernelLog(): readonly LogRecord[] {
  const buffer = Buffer.alloc(RECORD_BYTES)
  const records: LogRecord[] = []
  let file: number
  try {
    file = openSync(DEVICE, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return []
  }
  try {
    for (;;) {
      const record = parseRecord(buffer.toString('utf8', 0, readSync(file, buffer)))
      if (record !== undefined) records.push(record)
    }
  } catch (error) {
    // the end; EPIPE: what was to be read next has been overwritten meanwhile
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EAGAIN' && code !== 'EPIPE') throw error
    return records
  } finally {
    closeSync(file)
  }
}

/** "4,1234,567890,-;text\n KEY=value\n": priority, sequence, microseconds, flags. */
export function parseRecord(line: string): LogRecord | undefined {
  const found = /^\d+,(\d+),\d+,[^;]*;([^\n]*)/.exec(line)
  return found === null ? undefined : { sequence: Number(found[1]), text: found[2] as string }
}

export function lastRecord(): number | undefined {
  return readKernelLog().at(-1)?.sequence
}

/** Begins of what WARN, BUG and the like print, and what has no such begin. */
const COMPLAINT =
  /-+\[ cut here \]-+|^WARNING: .+ at |\bBUG: |^Oops\b|general protection fault|^refcount_t: |suspicious RCU usage|possible (?:recursive|circular) locking/

export function complaintsSince(records: readonly LogRecord[], sequence: number): readonly LogRecord[] {
  return records.filter((record) => record.sequence > sequence && COMPLAINT.test(record.text))
}
