/**
 * What a side of a diff is in the kernel: tables, names, programs. In: a Plan with the C texts of its units, or an artifact. Out: one form of both.
 */
import type { Artifact, NamesDocument } from '../../proto/artifact/format.ts'
import type { Plan } from '../lower/plan.ts'
import { type PlanTables, planTables } from '../lower/plan-tables.ts'

export interface Compiled {
  readonly tables: PlanTables
  /** byte offsets of state indices in `tables.endpoint` */
  readonly relocations: readonly number[] | Uint32Array
  readonly names: NamesDocument
  /** unit -> its C text, which decides its object */
  readonly units: ReadonlyMap<string, string>
}

export function compiledPlan(plan: Plan, units: ReadonlyMap<string, string>): Compiled {
  return { tables: planTables(plan), relocations: plan.tables.endpointRelocations, names: plan.names, units }
}

export function compiledArtifact(artifact: Artifact): Compiled {
  const { tables, names, sources } = artifact
  const stored = new DataView(
    tables.endpointRelocations.buffer,
    tables.endpointRelocations.byteOffset,
    tables.endpointRelocations.byteLength,
  )
  const units = [...sources]
    .filter(([path]) => path.endsWith('.c'))
    .map(([path, bytes]) => [path.slice(0, -2), Buffer.from(bytes).toString()] as const)
  return {
    tables,
    relocations: Array.from({ length: stored.byteLength / 4 }, (_, index) => stored.getUint32(index * 4, true)),
    names,
    units: new Map(units),
  }
}
