/**
 * Writes km_source. In: the governed cgroup and the map; out: rows for the network namespaces of its processes, rows of others gone, and a finding
 * where a namespace could not be looked at. Called by apply, and by exec for the process that has just joined.
 */
import { source } from '../proto/abi.ts'
import { type Finding, warning } from './coded-error.ts'
import { packRow } from './field.ts'
import { sourceTable } from './source-table.ts'
import { readAll, remove, update } from './sys/libbpf-map.ts'

const COOKIE_SIZE = 8

export function fillSources(cgroup: string, map: number): readonly Finding[] {
  const { rows, limits } = sourceTable(cgroup)
  const stale = new Set<string>()
  const { keys, count } = readAll(map, COOKIE_SIZE, source.size, rows.length)
  for (let i = 0; i < count; i++) stale.add(keys.toString('hex', i * COOKIE_SIZE, (i + 1) * COOKIE_SIZE))
  for (const { cookie, v4, v6 } of rows) {
    const key = Buffer.alloc(COOKIE_SIZE)
    key.writeBigUInt64LE(cookie)
    update(map, key, packRow(source, { v4, v6 }))
    stale.delete(key.toString('hex'))
  }
  for (const key of stale) remove(map, Buffer.from(key, 'hex'))
  return limits.length === 0 ? [] : [warning('KM9124', `source addresses are not known everywhere: ${limits.join('; ')}`)]
}
