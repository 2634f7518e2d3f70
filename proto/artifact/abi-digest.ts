/**
 * A digest over everything that compiler, runtime and programs must agree on: every layout, constant and map of proto/abi-parts.ts and proto/maps.ts. Comments do not
 * count. Two builds whose digests differ must not share an artifact or a pin, whatever their version numbers say.
 */
import * as abi from '../abi.ts'
import { ABI_CONSTANTS, ABI_LAYOUTS } from '../abi-parts.ts'
import { SLOW_REASONS } from '../http/sockets.ts'
import { MAPS } from '../maps.ts'
import { sha256 } from './sha256.ts'

/** sha256, hex */
export function abiDigest(): string {
  const layouts = ABI_LAYOUTS.map(({ name, size, fields }) => [
    name,
    size,
    Object.values(fields).map((field) => [field.name, field.type, field.count, field.offset]),
  ])
  const maps = MAPS.map(({ name, type, keySize, valueSize, maxEntries, inner }) => [
    name,
    type,
    keySize,
    valueSize,
    maxEntries,
    inner ?? null,
  ])
  const lists = [abi.POLICIES, Object.entries(abi.REASONS), Object.entries(SLOW_REASONS), abi.GENERATION_STATES, abi.PROGRAM_ARRAYS]
  return sha256(JSON.stringify([ABI_CONSTANTS.map(([name, value]) => [name, String(value)]).sort(), layouts, maps, lists]))
}
