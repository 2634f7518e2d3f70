/**
 * An apply by a runtime whose maps have other layouts than those of the instance. In: the place of the instance; out: maps of ours beside the old ones, with the state that can be kept; then the steps by which they
 * take over. Between them apply does what it does for any artifact, in the new place.
 *
 *   begin     BPFFS/kmesh/_next_INSTANCE: maps that stay the same, by a second name; maps with moved rows; empty ones. Nothing sees them
 *   takeOver  the new generation is in force in the new maps; links go to the new programs; a grace period; what the old programs counted meanwhile is added
 *   exchange  the two directories change names, at one instant: from here on it is the instance
 *   end       the old maps and programs go
 *
 * Invariant: up to `exchange` everything can be undone, and the old generation is whole. Generations of the old runtime are no way back, as their programs work on the old maps.
 * Requests: a holder has the old maps in its memory, so there must be none (KM9143).
 */
import { closeSync, existsSync, linkSync, mkdirSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { type LayoutsDocument, layoutsDocument } from '../../proto/map-layouts.ts'
import { MAPS } from '../../proto/maps.ts'
import { ABI_VERSION } from '../../proto/abi.ts'
import { coded, type Finding, warning } from '../coded-error.ts'
import { layoutsOf, markAbi, refuseOtherLayouts } from '../condition.ts'
import { awaitGracePeriod } from '../epoch.ts'
import { type GovernedCgroup, recordedCgroup } from '../governed-cgroup.ts'
import type { HeldObject } from '../load-object.ts'
import { linkTarget, nextPinsOf, type Pins, removeTree } from '../pins.ts'
import type { Place } from '../place.ts'
import type { PlannedFor } from '../plan-binding.ts'
import { spendNumber } from '../record.ts'
import { holderListens } from '../serve/holder-presence.ts'
import { exchangeNames } from '../sys/libc.ts'
import { pin } from '../sys/libbpf-pin.ts'
import { type Lock, tryLock } from '../sys/lock.ts'
import { createTable, openTables, type Tables } from '../tables.ts'
import type { Undo } from '../undo.ts'
import { fatesOf, fateText } from './fates.ts'
import { heldConnections, heldInForce, type HeldInForce, heldStates } from './held-rows.ts'
import { readLayouts, writeLayouts } from './held-layouts.ts'
import { moveStates } from './move-states.ts'
import { refuseMovedCgroup, takeLinks } from './take-links.ts'

export interface Upgrade {
  /** where the new maps are until `exchange` */
  readonly pins: Pins
  readonly tables: Tables
  /** of the old runtime, while it lasts */
  readonly inForce: PlannedFor
  /** rows that its generations name */
  readonly states: ReadonlySet<number>
  readonly announcement: Finding
  takeOver(base: HeldObject, cgroup: GovernedCgroup, epoch: number, undo: Undo): void
  exchange(undo: Undo): void
  end(): void
  close(): void
}

/** Null: the instance has our layouts, or is none. Throws KM9108 when its rows cannot be read, KM9143. */
export function beginUpgrade({ instance, bpffs, pins: old }: Place, undo: Undo): Upgrade | null {
  if (layoutsOf(old) !== 'others') return null
  const held = readLayouts(old)
  const inForce = held === null || held.version !== ABI_VERSION ? undefined : heldInForce(old, held)
  if (held === null || inForce === undefined) {
    refuseOtherLayouts(old)
    return null
  }
  if (holderListens(instance))
    throw coded('KM9143', `a holder keeps connections of instance "${instance}" with the layouts ${held.digest.slice(0, 12)}`)
  const made = nextPinsOf(bpffs, instance)
  mkdirSync(made.root, { mode: 0o700 })
  undo.add('place of the new maps', () => rmdirSync(made.root))
  const lock = tryLock(made.root) as Lock
  try {
    return upgradeTo(made, { instance, old, held, inForce, lock }, undo)
  } catch (error) {
    lock.release()
    throw error
  }
}

interface Beginning {
  readonly instance: string
  readonly old: Pins
  readonly held: LayoutsDocument
  readonly inForce: HeldInForce
  readonly lock: Lock
}

function upgradeTo(made: Pins, { instance, old, held, inForce, lock }: Beginning, undo: Undo): Upgrade {
  const ours = layoutsDocument()
  const fates = fatesOf(held, ours)
  copyMarks(old, made, undo)
  makeMaps(old, made, fates.of, undo)
  const tables = openTables(made)
  if (tables === null) throw new Error('a map of the new place is missing')
  const states = moveStates(old, made, held, fates, tables.fd('km_state'), undo)
  spendNumber(tables, BigInt(inForce.latest))
  const text = fateText(held, ours, fates, heldConnections(old, held))
  const gone = `generations up to ${inForce.latest} are no way back`
  return {
    pins: made,
    tables,
    inForce: { generation: inForce.generation, artifact: inForce.artifact },
    states: heldStates(old),
    announcement: warning('KM9142', `instance "${instance}" comes from layouts ${held.digest.slice(0, 12)}: ${text}; ${gone}`),
    takeOver: (base, cgroup, epoch, steps) => {
      refuseMovedCgroup(old, cgroup)
      steps.add('counts of the new programs', () => {
        awaitGracePeriod(made, tables, epoch)
        states.goBack()
      })
      takeLinks(old, made, base, cgroup, fates.sockets, steps)
      awaitGracePeriod(made, tables, epoch)
      states.catchUp()
    },
    exchange: (steps) => {
      exchangeNames(made.root, old.root)
      steps.add('exchange of the places', () => exchangeNames(made.root, old.root))
    },
    end: () => removeTree(made.root),
    close: () => {
      tables.close()
      lock.release()
    },
  }
}

function copyMarks(old: Pins, made: Pins, undo: Undo): void {
  markAbi(made, undo)
  writeLayouts(made, undo)
  const cgroup = recordedCgroup(old.cgroup)
  if (cgroup !== null) {
    symlinkSync(cgroup, made.cgroup)
    undo.add('record of the cgroup', () => unlinkSync(made.cgroup))
  }
  const keep = linkTarget(old.keep)
  if (keep !== null) {
    symlinkSync(keep, made.keep)
    undo.add('what is kept', () => unlinkSync(made.keep))
  }
}

function makeMaps(old: Pins, made: Pins, fates: ReadonlyMap<string, string>, undo: Undo): void {
  for (const spec of MAPS) {
    const path = made.map(spec.name)
    if (fates.get(spec.name) === 'shared') linkSync(old.map(spec.name), path)
    else {
      const fd = createTable(spec)
      try {
        pin(fd, path)
      } finally {
        closeSync(fd)
      }
    }
    undo.add(`map ${spec.name}`, () => {
      if (existsSync(path)) unlinkSync(path)
    })
  }
}
