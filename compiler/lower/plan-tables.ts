/** The tables of a Plan under the names that an artifact gives them (proto/artifact/table-files.ts). In: a Plan. Out: the same bytes, nothing copied. */
import type { ArtifactTables } from '../../proto/artifact/format.ts'
import type { Plan } from './plan.ts'

/** All but the relocations, which an artifact stores as differences. */
export type PlanTables = Omit<ArtifactTables, 'endpointRelocations' | 'httpRelocations'>

export function planTables({ tables }: Plan): PlanTables {
  return {
    listenerKeys: tables.listener.keys,
    listenerValues: tables.listener.values,
    matchKeys: tables.match.keys,
    matchValues: tables.match.values,
    chain: tables.chain,
    cluster: tables.cluster,
    endpoint: tables.endpoint,
    states: tables.states,
    http: tables.http,
    nameKeys: tables.name.keys,
    nameValues: tables.name.values,
  }
}
