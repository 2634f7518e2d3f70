/**
 * Connected UDP sockets that stick to an endpoint that left or failed (pitfall 21): no later datagram runs through a decision again.
 * In: the governed cgroup and the endpoints that left; out: how many were destroyed, and those that could not be.
 * The holder gets ECONNABORTED at its next receive and EDESTADDRREQ at its next send; when it connects again, that is decided anew.
 */
import { placeKey, type SocketAddress } from './socket-address.ts'
import { surveySockets } from './socket-survey.ts'
import { cgroupSubtree } from './sys/cgroup.ts'
import type { NetworkNamespace } from './sys/netns.ts'
import { type Destroyed, isConnected, type LiveSocket } from './sys/socket-diag.ts'

export interface StaleDatagram {
  readonly socket: LiveSocket
  readonly namespace: NetworkNamespace
  readonly why: Exclude<Destroyed, 'destroyed' | 'gone'>
}

export interface StaleReport {
  readonly destroyed: number
  /** still bound to a dead endpoint, each with the reason: to be listed for the user */
  readonly remaining: readonly StaleDatagram[]
  /** one line each: namespaces that may not be looked at */
  readonly limits: readonly string[]
}

export function releaseStaleDatagrams(cgroupPath: string, left: Iterable<SocketAddress>): StaleReport {
  const gone = new Set<string>()
  for (const { address, port } of left) gone.add(placeKey(0, address, port))
  if (gone.size === 0) return { destroyed: 0, remaining: [], limits: [] }
  const ids = new Set(cgroupSubtree(cgroupPath).map(({ id }) => id))
  const remaining: StaleDatagram[] = []
  let destroyed = 0
  const limits = surveySockets((namespace, diag) => {
    for (const socket of diag.dump('udp')) {
      if (!ids.has(socket.cgroup) || !isConnected(socket) || !gone.has(placeKey(0, socket.peer, socket.peerPort))) continue
      const result = diag.destroy(socket)
      if (result === 'destroyed') destroyed++
      else if (result !== 'gone') remaining.push({ socket, namespace, why: result })
    }
  })
  return { destroyed, remaining, limits }
}
