/**
 * Every module that states what TypeScript and C share, in one list: what scripts/abi.ts prints and the ABI digest covers.
 * Invariant: a layout or numeric constant that programs see is exported by a module of this list.
 */
import * as abi from './abi.ts'
import type { Layout } from './layout.ts'
import * as acting from './http/acting.ts'
import * as editing from './http/editing.ts'
import * as falling from './http/falling.ts'
import * as keeping from './http/keeping.ts'
import * as matching from './http/matching.ts'
import * as replacing from './http/replacing.ts'
import * as sockets from './http/sockets.ts'
import * as tables from './http/tables.ts'
import * as watching from './watching.ts'

interface AbiPart {
  readonly [name: string]: unknown
}

const PARTS: readonly AbiPart[] = [abi, tables, sockets, matching, acting, editing, falling, keeping, replacing, watching]

/** Numbers, by name; in C with the prefix KM_. */
export const ABI_CONSTANTS: readonly (readonly [name: string, value: number | bigint])[] = PARTS.flatMap((part) =>
  Object.entries(part).filter((entry): entry is [string, number | bigint] => typeof entry[1] === 'number' || typeof entry[1] === 'bigint'),
)

/** In the order in which C may need them. */
export const ABI_LAYOUTS: readonly Layout[] = [
  ...abi.LAYOUTS,
  ...tables.NAME_LAYOUTS,
  ...sockets.SOCKET_LAYOUTS,
  ...matching.MATCHING_LAYOUTS,
  ...acting.ACTING_LAYOUTS,
  ...editing.EDITING_LAYOUTS,
  ...falling.FALLING_LAYOUTS,
  ...keeping.KEEPING_LAYOUTS,
  ...replacing.REPLACING_LAYOUTS,
  ...watching.WATCHING_LAYOUTS,
]
