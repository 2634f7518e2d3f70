/**
 * Opens the socket table of every network namespace, one after the other. In: a visitor; out: one line for each place that it could not see.
 * Invariant: a namespace that may not be entered, or that vanished, never fails the whole; the table is closed when the visitor returns.
 */
import { allNamespaces, type NetworkNamespace } from './sys/netns.ts'
import { openSocketDiag, type SocketDiag } from './sys/socket-diag.ts'

export function surveySockets(visit: (namespace: NetworkNamespace, diag: SocketDiag) => void): readonly string[] {
  const { namespaces, unreadable } = allNamespaces()
  const limits: string[] = []
  if (unreadable.length > 0) {
    limits.push(
      `the network namespace of ${unreadable.length} processes may not be read (CAP_SYS_PTRACE): their sockets are seen only if others share it`,
    )
  }
  for (const namespace of namespaces) {
    const opened = openSocketDiag(namespace)
    if (opened.kind === 'denied') limits.push(`sockets of network namespace ${namespace.inode} are not seen: ${opened.why}`)
    if (opened.kind !== 'entered') continue
    try {
      visit(namespace, opened.value)
    } finally {
      opened.value.close()
    }
  }
  return limits
}
