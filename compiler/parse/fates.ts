/**
 * The class and the reason of every field that is set and that no parser reads; input/coverage.ts asks here after all reads and marks.
 * Invariant: nothing in a snapshot is left without a class.
 */
import type { FateTable, Fate } from './fate.ts'
import { CLUSTER_FATES } from './fates-cluster.ts'
import { HTTP_FATES } from './fates-http.ts'
import { LISTENER_FATES } from './fates-listener.ts'
import { PREFIX_FATES, REST_FATES } from './fates-rest.ts'

export const fates: { readonly fields: FateTable; readonly prefixes: Readonly<Record<string, Fate>> } = {
  fields: { ...LISTENER_FATES, ...CLUSTER_FATES, ...REST_FATES, ...HTTP_FATES },
  prefixes: PREFIX_FATES,
}
