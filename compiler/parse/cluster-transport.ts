/**
 * How the endpoints of a cluster are reached: transport_socket_matches in order, then transport_socket. In: the cursor of a Cluster. Out: a Transport.
 * Source: Envoy's cluster.proto and transport_socket_match_impl.cc: the labels of a match must all be in the endpoint's metadata
 * `envoy.transport_socket_match`, else in its locality's; a match without labels fits everything.
 */
import type { Cursor } from '../input/cursor.ts'
import { clusterAccounts } from './accounts.ts'
import type { Divert, Socket, Transport } from './resources.ts'
import { transportNeeds } from './transport-socket.ts'

const accountMatch = clusterAccounts.for('match', 'transport_socket')

export function readTransport(cluster: Cursor): { readonly transport: Transport; readonly divert: Divert | undefined } {
  const matches = cluster.messages('transport_socket_matches')
  const [divert] = matches.flatMap((match) => accountMatch(match))
  return {
    divert,
    transport: {
      matches: matches.map((match) => ({
        labels: Object.entries((match.raw('match') ?? {}) as Record<string, unknown>),
        socket: readSocket(match),
      })),
      fallback: readSocket(cluster),
    },
  }
}

function readSocket(at: Cursor): Socket {
  const socket = at.message('transport_socket')
  return { path: socket?.path ?? at.path, why: socket === undefined ? undefined : transportNeeds(socket) }
}
