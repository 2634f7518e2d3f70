/**
 * A digest over everything that compiler, runtime and programs must agree on: every layout, constant and map of proto/abi.ts and proto/maps.ts. Comments do not
 * count. Two builds whose digests differ must not share an artifact or a pin, whatever their version numbers say.
 */
import * as abi from '../abi.ts'
import { MAPS } from '../maps.ts'
import { sha256 } from './sha256.ts'

/** sha256, hex */
export function abiDigest(): string {
  const constants = Object.entries(abi).filter(([, value]) => typeof value === 'number' || typeof value === 'bigint')
  const layouts = abi.LAYOUTS.map(({ name, size, fields }) => [
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
  const lists = [abi.POLICIES, Object.entries(abi.REASONS), abi.GENERATION_STATES, abi.DECIDING_HOOKS]
  return sha256(JSON.stringify([constants.map(([name, value]) => [name, String(value)]).sort(), layouts, maps, lists]))
}
