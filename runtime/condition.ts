/**
 * What shape an instance is in. In: its pins; out: one of four conditions, with open tables where there are some.
 * Invariant: `ready` means that a generation is in force and every table can be reached; nothing else is worked on.
 */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { ABI_VERSION, STATE_SHARDS } from '../proto/abi.ts'
import { abiDigest } from '../proto/artifact/abi-digest.ts'
import { type CodedError, coded } from './coded-error.ts'
import { readLinks } from './links.ts'
import { namesIn, type Pins } from './pins.ts'
import { liveSlot } from './record.ts'
import { lookup, u32 } from './sys/libbpf-map.ts'
import { openTables, type Tables } from './tables.ts'
import type { Undo } from './undo.ts'

export type Condition =
  /** nothing is pinned */
  | { readonly kind: 'absent' }
  /** a first apply or a detach that was cut off: nothing is governed */
  | { readonly kind: 'incomplete' }
  /** attached, and tables cannot be reached: what connects is refused */
  | { readonly kind: 'damaged'; readonly missing: string }
  | { readonly kind: 'ready'; readonly tables: Tables }

const ABI_MARK = `abi_${ABI_VERSION}_${abiDigest().slice(0, 12)}`

/** Throws KM9108 when the tables have other layouts. The caller closes the tables. */
export function inspectInstance(pins: Pins): Condition {
  if (namesIn(pins.root).length === 0) return { kind: 'absent' }
  refuseOtherLayouts(pins)
  const attached = readLinks(pins).length > 0
  const tables = openTables(pins)
  if (tables === null) return attached ? { kind: 'damaged', missing: `maps below ${pins.root}` } : { kind: 'incomplete' }
  let condition: Condition | undefined
  try {
    const live = liveSlot(tables) !== 0
    const missing = existsSync(pins.epochs) ? missingShard(pins, tables) : pins.epochs
    if (live && missing === undefined) condition = { kind: 'ready', tables }
    else condition = live && attached && missing !== undefined ? { kind: 'damaged', missing } : { kind: 'incomplete' }
    return condition
  } finally {
    if (condition?.kind !== 'ready') tables.close()
  }
}

/** What is said of an instance that nothing can be done with. */
export function unready(instance: string, condition: Exclude<Condition, { kind: 'ready' }>): CodedError {
  return condition.kind === 'damaged'
    ? coded('KM9107', `instance "${instance}" misses ${condition.missing}`)
    : coded('KM9123', `instance "${instance}" has no generation in force`)
}

/** Which layouts its maps have: those of this runtime, others, or there is no mark. */
export function layoutsOf(pins: Pins): 'ours' | 'others' | 'unmarked' {
  const mark = namesIn(pins.root).find((name) => name.startsWith('abi_'))
  return mark === undefined ? 'unmarked' : mark === ABI_MARK ? 'ours' : 'others'
}

/** Throws KM9108. */
export function refuseOtherLayouts(pins: Pins): void {
  if (existsSync(join(pins.root, ABI_MARK))) return
  const mark = namesIn(pins.root).find((name) => name.startsWith('abi_'))
  if (mark !== undefined && mark !== ABI_MARK) throw coded('KM9108', `the tables of ${pins.root} are ${mark}; this runtime has ${ABI_MARK}`)
}

/** A shard of state rows that the programs use and nobody can reach any more: to make another in its place would lose what is live. */
function missingShard(pins: Pins, tables: Tables): string | undefined {
  for (let shard = 0; shard < STATE_SHARDS && lookup(tables.fd('km_state'), u32(shard), u32(0)); shard++)
    if (!existsSync(pins.state(shard))) return pins.state(shard)
  return undefined
}

export function markAbi(pins: Pins, undo: Undo): void {
  const path = join(pins.root, ABI_MARK)
  if (existsSync(path)) return
  mkdirSync(path)
  undo.add('mark of the layouts', () => rmdirSync(path))
}
