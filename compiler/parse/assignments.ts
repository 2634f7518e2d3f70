/**
 * The endpoint assignments of EDS by name, each read when a cluster asks for it and not kept: parsed, all of them are larger than the snapshot. In: cursors. Out: Assignments.
 * Invariant: after `accountRest` every assignment has been read once at least, so that its fields are accounted for.
 */
import type { Cursor } from '../input/cursor.ts'
import { readAssignment } from './endpoint.ts'
import type { Assignment, AssignmentSource } from './resources.ts'

export class Assignments implements AssignmentSource {
  private readonly cursors = new Map<string, Cursor>()
  private readonly unread = new Set<string>()

  add(name: string, at: Cursor): void {
    this.cursors.set(name, at)
    this.unread.add(name)
  }

  get(name: string): Assignment | undefined {
    this.unread.delete(name)
    const at = this.cursors.get(name)
    return at && readAssignment(at)
  }

  /** Reads those that no cluster has asked for. */
  accountRest(): void {
    for (const name of [...this.unread]) this.get(name)
  }
}
