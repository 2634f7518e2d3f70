/**
 * Which artifact an instance has in force, and which were rolled back. In: its name. Out: digests; undefined where there is no instance to read. Takes no lock.
 */
import { CodedError } from './coded-error.ts'
import { openInstance } from './held-generation.ts'
import { readRecords, recordDigest } from './record.ts'

export interface InForce {
  /** undefined: nothing */
  readonly digest: string | undefined
  readonly generation: number
  /** of generations that were in force after the one that is now */
  readonly rolledBack: ReadonlySet<string>
}

export function readInForce(instance: string): InForce | undefined {
  try {
    const { tables } = openInstance(instance)
    try {
      const records = readRecords(tables)
      const live = records.find(({ state }) => state === 'live')
      return {
        digest: live === undefined ? undefined : recordDigest(live),
        generation: Number(live?.generation ?? 0n),
        rolledBack: new Set(records.filter(({ state }) => state === 'abandoned').map(recordDigest)),
      }
    } finally {
      tables.close()
    }
  } catch (error) {
    if (error instanceof CodedError) return undefined
    throw error
  }
}
