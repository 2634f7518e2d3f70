/**
 * The names document of an epoch, as km_names holds it: gzipped JSON in chunks. In: an artifact's names and the stable ids; out: bytes, and back.
 * It says what status and dump need beyond the tables: names, which programs make decisions, what is diverted.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import type { ProgramArray } from '../proto/abi.ts'
import type { Artifact, NamedCluster, NamedListener, NamedRoute, NamesDocument } from '../proto/artifact/format.ts'
import { objectDigest } from './load-object.ts'

/** The artifact's names with stable ids instead of local indices, and the programs of the generation. */
export interface HeldNames extends NamesDocument {
  readonly units: readonly HeldUnit[]
  /** lines of kernels that verified all programs ("6.1"), as far as the artifact says; empty: it says nothing */
  readonly proven?: readonly string[]
}

export interface HeldUnit {
  readonly unit: string
  /** sha256 of the object, hex, as far as its pin directory is named */
  readonly object: string
  /** which program stands where in the generation's block */
  readonly slots: readonly { readonly program: string; readonly hook: ProgramArray; readonly slot: number }[]
}

/** The units of an artifact whose programs stand in slots. */
export function heldUnits({ config, programs }: Artifact): readonly HeldUnit[] {
  return [...programs].flatMap(([unit, bytes]) => {
    const slots = config.programs.find((candidate) => candidate.unit === unit)?.slots ?? []
    if (slots.length === 0) return []
    return [{ unit, object: objectDigest(bytes), slots: slots.map(({ program, hook, slot }) => ({ program, hook, slot })) }]
  })
}

export function holdNames(names: NamesDocument, ids: Uint32Array, units: readonly HeldUnit[]): HeldNames {
  const held = <T extends NamedListener | NamedCluster | NamedRoute>(entry: T): T => ({ ...entry, state: ids[entry.state] ?? 0 })
  const services = names.services.map((service) => ({ ...service, routes: service.routes.map(held) }))
  return { listeners: names.listeners.map(held), clusters: names.clusters.map(held), services, units }
}

export function packNames(names: HeldNames): Buffer {
  return gzipSync(JSON.stringify(names), { level: 1 })
}

export function unpackNames(bytes: Uint8Array): HeldNames {
  return JSON.parse(gunzipSync(bytes).toString('utf8')) as HeldNames
}
