/** The accounts of the two halves of a snapshot, over their fate tables. */
import { createAccounts } from './fate.ts'
import { CLUSTER_FATES } from './fates-cluster.ts'
import { LISTENER_FATES } from './fates-listener.ts'

export const listenerAccounts = createAccounts(LISTENER_FATES)
export const clusterAccounts = createAccounts(CLUSTER_FATES)
