/**
 * Everything that an instance has in the kernel, as plain data to compare. In: an instance name; out: pins with ids, the switch, records, entries of
 * maps of maps and prog arrays, owners of state rows. Two equal views mean that nothing was made or lost in between; counters are not in it.
 */
import { closeSync, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { state as stateLayout } from '../../proto/abi.ts'
import { MAPS } from '../../proto/maps.ts'
import { pinsOf } from '../../runtime/pins.ts'
import { type GenerationRecord, liveSlot, readRecords } from '../../runtime/record.ts'
import { readStates } from '../../runtime/state-shards.ts'
import { lookup, u32 } from '../../runtime/sys/libbpf-map.ts'
import { openPin } from '../../runtime/sys/libbpf-pin.ts'
import { findBpffs } from '../../runtime/sys/mountinfo.ts'
import { openTables } from '../../runtime/tables.ts'

export interface KernelView {
  /** path below the instance -> "map 12", "prog 3", "link 4", "directory", "-> target" */
  readonly pins: Readonly<Record<string, string>>
  readonly live: number
  readonly records: readonly GenerationRecord[]
  /** "km_listener[3]" -> id of the inner map or program */
  readonly entries: Readonly<Record<string, number>>
  /** state id -> owner key, hex */
  readonly owners: Readonly<Record<number, string>>
}

export function kernelView(instance: string): KernelView {
  const bpffs = findBpffs()
  const pins = pinsOf(bpffs ?? '/', instance)
  const tree: Record<string, string> = {}
  if (bpffs !== undefined && existsSync(pins.root)) walk(pins.root, pins.root, tree)
  const tables = bpffs === undefined ? null : openTables(pins)
  if (tables === null) return { pins: tree, live: 0, records: [], entries: {}, owners: {} }
  const entries: Record<string, number> = {}
  const value = u32(0)
  for (const { name, type, maxEntries } of MAPS) {
    if (type !== 'array_of_maps' && type !== 'prog_array') continue
    for (let i = 0; i < maxEntries; i++) if (lookup(tables.fd(name), u32(i), value)) entries[`${name}[${i}]`] = value.readUInt32LE(0)
  }
  const rows = readStates(pins)
  const owners: Record<number, string> = {}
  for (let id = 0; id * stateLayout.size < rows.length; id++) {
    const key = rows.toString('hex', id * stateLayout.size, id * stateLayout.size + 16)
    if (!/^0*$/.test(key)) owners[id] = key
  }
  const view: KernelView = { pins: tree, live: liveSlot(tables), records: readRecords(tables), entries, owners }
  tables.close()
  return view
}

/** "map 12 km_state", "prog 3 progs/km_accept" or "link 4 links/connect4" of every pin of an instance: kind, id, path. */
export function pinnedObjects(instance: string): readonly string[] {
  const pins = Object.entries(kernelView(instance).pins)
  return pins.flatMap(([path, text]) => (/^(map|prog|link) /.test(text) ? [`${text} ${path}`] : []))
}

/** Processes with a descriptor of a map, link or program, or with a map's memory mapped: "12 node". In: "map 12 ...". */
export function holdersOf(object: string): readonly string[] {
  const [kind, id] = object.split(' ')
  const line = new RegExp(`^${kind}_id:\\s*${id}$`, 'm')
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const open = readdirSync(`/proc/${pid}/fdinfo`).some((fd) => line.test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')))
      const mapped = readFileSync(`/proc/${pid}/maps`, 'latin1').includes('anon_inode:bpf-map')
      return open || mapped ? [`${pid} ${readFileSync(`/proc/${pid}/comm`, 'latin1').trim()} (${open ? 'open' : 'some map mapped'})`] : []
    } catch {
      return []
    }
  })
}

/** Descriptors of BPF objects that this process holds. */
export function heldDescriptors(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith('anon_inode:bpf') ? [`${fd} ${target}`] : []
    } catch {
      return []
    }
  })
}

function walk(root: string, directory: string, tree: Record<string, string>): void {
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name)
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) tree[relative(root, path)] = `-> ${readlinkSync(path)}`
    else if (stat.isDirectory()) {
      tree[relative(root, path)] = 'directory'
      walk(root, path, tree)
    } else tree[relative(root, path)] = describe(path)
  }
}

function describe(path: string): string {
  const fd = openPin(path)
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  closeSync(fd)
  for (const kind of ['link', 'prog', 'map'] as const) {
    const id = new RegExp(`^${kind}_id:\\s*(\\d+)$`, 'm').exec(info)?.[1]
    if (id !== undefined) return `${kind} ${id}`
  }
  return 'unknown'
}
