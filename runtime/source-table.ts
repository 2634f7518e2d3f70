/**
 * Rows of km_source: from the cookie of a network namespace to the source address that its clients have (pitfall 15: in connect4/6 the source of
 * an unbound socket is not known yet). In: the governed cgroup; out: rows, and which namespaces could not be looked at.
 * Invariant: an address is given only where it is the only one: a namespace with exactly one global address of a family that is not loopback.
 * With none or several the row has zeros, and what hashes on the source is refused and counted, never hashed over 0.
 */
import { ANY6 } from '../proto/address/mapped.ts'
import { cgroupSubtree } from './sys/cgroup.ts'
import { globalAddresses, type InterfaceAddress } from './sys/interface-address.ts'
import { namespacesOf, type NetworkNamespace } from './sys/netns.ts'
import { processesOf } from './sys/process.ts'

export interface SourceRow {
  /** key of km_source */
  readonly cookie: bigint
  /** 16 bytes each, all zero: unknown or ambiguous */
  readonly v4: Uint8Array
  readonly v6: Uint8Array
  readonly namespace: NetworkNamespace
}

export interface SourceTable {
  /** own namespace first, then those of the processes in the cgroup and below it */
  readonly rows: readonly SourceRow[]
  /** one line each: namespaces and processes that may not be looked at */
  readonly limits: readonly string[]
}

export function sourceTable(cgroupPath: string): SourceTable {
  const { namespaces, unreadable } = namespacesOf(processesOf(cgroupSubtree(cgroupPath)))
  const rows: SourceRow[] = []
  const limits: string[] = []
  if (unreadable.length > 0) limits.push(`the network namespace of ${unreadable.length} processes may not be read (CAP_SYS_PTRACE)`)
  for (const namespace of namespaces) {
    const found = globalAddresses(namespace)
    if (found.kind === 'denied') limits.push(`source addresses of network namespace ${namespace.inode} are not known: ${found.why}`)
    if (found.kind !== 'entered') continue
    const { cookie, addresses } = found.value
    rows.push({ cookie, v4: onlyAddress(addresses, 'v4'), v6: onlyAddress(addresses, 'v6'), namespace })
  }
  return { rows, limits }
}

/** The one address of the family, or zeros. */
export function onlyAddress(addresses: readonly InterfaceAddress[], family: 'v4' | 'v6'): Uint8Array {
  const [first, second] = addresses.filter((entry) => entry.family === family)
  return first !== undefined && second === undefined ? first.address : ANY6
}
