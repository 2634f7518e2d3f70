/**
 * Unpacks the three layers. In: verified gzip bytes and the checked config. Out: programs, tables and names, sources.
 * Invariant: a layer holds exactly the files that the config calls for, tables have exactly the rows it counts. Errors: KM9007, KM9010 to KM9012.
 */
import { checkTables } from './check-tables.ts'
import { checkDocument, parseJson } from './documents.ts'
import { ArtifactFault, quoted } from './fault.ts'
import type { ArtifactConfig, ArtifactTables, NamesDocument } from './format.ts'
import { firstsInPlace, NAMES_PATH, relocationOffsets, statesInPlace, TABLE_FILES } from './table-files.ts'
import { readTar } from './tar.ts'
import { unzipped } from './unzipped.ts'

const MIB = 1 << 20
/** Unpacked bytes. The maps layer of 1,000,000 endpoints with rings of 1,024 entries a cluster is about 1.5 GiB. */
const LIMITS = { programs: 64 * MIB, maps: 2048 * MIB, sources: 512 * MIB } as const
/** e_ident: 64 bits, little-endian; e_machine: EM_BPF */
const ELF_START = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
const ELF_MACHINE_AT = 18
const EM_BPF = 247
const ELF_HEADER = 64

export function readPrograms(layer: Uint8Array, config: ArtifactConfig): ReadonlyMap<string, Uint8Array> {
  const files = unpack(layer, 'programs')
  const programs = new Map<string, Uint8Array>()
  for (const { unit } of config.programs) {
    const object = take(files, `programs/${unit}.o`)
    const view = new DataView(object.buffer, object.byteOffset, object.byteLength)
    if (
      object.length < ELF_HEADER ||
      !ELF_START.equals(object.subarray(0, ELF_START.length)) ||
      view.getUint16(ELF_MACHINE_AT, true) !== EM_BPF
    ) {
      throw new ArtifactFault('KM9011', `programs/${unit}.o is no object for eBPF`)
    }
    if (programs.has(unit)) throw new ArtifactFault('KM9011', `the config names the unit ${quoted(unit)} twice`)
    programs.set(unit, object)
  }
  nothingLeft(files, 'programs')
  return programs
}

export function readMaps(layer: Uint8Array, config: ArtifactConfig): { readonly tables: ArtifactTables; readonly names: NamesDocument } {
  const files = unpack(layer, 'maps')
  const tables: Partial<Record<keyof ArtifactTables, Uint8Array>> = {}
  for (const { table, path, rowSize, entries } of TABLE_FILES) {
    const content = take(files, path)
    const rows = content.length / rowSize
    if (entries === undefined ? !Number.isInteger(rows) : rows !== config.entries[entries]) {
      throw new ArtifactFault(
        'KM9011',
        `${path} has ${content.length} bytes, not ${entries === undefined ? 'whole rows' : `${config.entries[entries]} rows`} of ${rowSize}`,
      )
    }
    tables[table] = content
  }
  const names = checkDocument('names', parseJson(take(files, NAMES_PATH), 'names.json'), 'names.json')
  nothingLeft(files, 'maps')
  const complete = {
    ...tables,
    endpointRelocations: offsetsOf(tables.endpointRelocations as Uint8Array, 'endpoint'),
    httpRelocations: offsetsOf(tables.httpRelocations as Uint8Array, 'http'),
  } as ArtifactTables
  statesInPlace(complete.endpoint, complete.endpointRelocations)
  firstsInPlace(complete.cluster)
  checkTables(complete, names, config.entries)
  return { tables: complete, names }
}

function offsetsOf(stored: Uint8Array, table: string): Uint8Array {
  const offsets = relocationOffsets(stored)
  if (offsets === undefined) throw new ArtifactFault('KM9012', `${table}.relocations leads beyond 32 bits`)
  return offsets
}

export function readSources(layer: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const sources = new Map<string, Uint8Array>()
  for (const [path, content] of unpack(layer, 'sources')) {
    if (!path.startsWith('sources/')) throw new ArtifactFault('KM9011', `the sources layer holds ${quoted(path)}`)
    sources.set(path.slice('sources/'.length), content)
  }
  return sources
}

function unpack(layer: Uint8Array, name: keyof typeof LIMITS): Map<string, Uint8Array> {
  const what = `the ${name} layer`
  return new Map(readTar(unzipped(layer, { what, most: LIMITS[name] }), what))
}

function take(files: Map<string, Uint8Array>, path: string): Uint8Array {
  const content = files.get(path)
  if (content === undefined) throw new ArtifactFault('KM9011', `${path} is not in its layer`)
  files.delete(path)
  return content
}

function nothingLeft(files: ReadonlyMap<string, Uint8Array>, name: string): void {
  for (const path of files.keys())
    throw new ArtifactFault('KM9011', `the ${name} layer holds ${quoted(path)}, which the config does not name`)
}
