/**
 * `prove`: what this kernel makes of an artifact's programs. In: artifacts. Out: a proof, for `kmeshc compile --proof`. Every object is loaded as apply loads it, against tables
 * of the same shapes that nothing else sees, and unloaded again: nothing is pinned, attached or left.
 * Errors: as apply, KM9109 where the verifier refuses a program.
 */
import { closeSync } from 'node:fs'
import { release } from 'node:os'
import type { Artifact } from '../../proto/artifact/format.ts'
import type { KernelProof, ProvenUnit } from '../../proto/artifact/proof.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { MAPS } from '../../proto/maps.ts'
import { loadFailure } from '../rejection.ts'
import { loadObjectWithStatistics } from '../sys/libbpf.ts'
import { createTable } from '../tables.ts'
import { readStatistics } from './statistics.ts'

export function prove(artifacts: readonly Artifact[]): KernelProof {
  const maps = new Map<string, number>()
  try {
    for (const spec of MAPS) maps.set(spec.name, createTable(spec))
    const units = new Map<string, ProvenUnit>()
    for (const artifact of artifacts)
      for (const [unit, bytes] of artifact.programs) {
        const object = sha256(bytes)
        if (!units.has(object)) units.set(object, { unit, object, ...proven(unit, bytes, artifact, maps) })
      }
    return { kernel: release(), units: [...units.values()].sort((a, b) => (a.unit + a.object < b.unit + b.object ? -1 : 1)) }
  } finally {
    for (const fd of maps.values()) closeSync(fd)
  }
}

function proven(
  unit: string,
  bytes: Uint8Array,
  artifact: Artifact,
  maps: ReadonlyMap<string, number>,
): Pick<ProvenUnit, 'loadMilliseconds' | 'programs'> {
  const start = performance.now()
  try {
    const object = loadObjectWithStatistics(bytes, unit, maps)
    const loadMilliseconds = Math.round((performance.now() - start) * 1000) / 1000
    object.close()
    return {
      loadMilliseconds,
      programs: object.programs.map(({ name }, at) => ({ program: name, ...readStatistics(object.statistics[at] ?? '') })),
    }
  } catch (error) {
    throw loadFailure(error, unit, artifact)
  }
}
