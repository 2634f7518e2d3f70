/**
 * Where the traffic runs. In: which world; out: the network namespace of clients and proxies, that of the servers, and the servers' address.
 * Invariant: neither has a way out; loopback, and for `other` one veth pair between the two. No TIME_WAIT sockets, which later connections would meet or not by
 * chance; a congestion control without timers of its own for sending.
 */
import { undoAtExit } from '../kit/cleanup.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { run } from '../kit/process.ts'
import type { WorldName } from './report.ts'

export interface Namespaces {
  readonly clients: string
  readonly servers: string
  /** of the servers */
  readonly address: string
  close(): void
}

const SETTINGS = ['tcp_max_tw_buckets=0', 'tcp_congestion_control=reno'] as const
const NODE_ADDRESS = '127.96.9.1'
const CLIENT_SIDE = '10.77.0.1'
const SERVER_SIDE = '10.77.0.2'

export async function makeNamespaces(world: WorldName): Promise<Namespaces> {
  if (world === 'node') {
    const { path, remove } = await makeNamespace({ addresses: [] })
    settle(path)
    return { clients: path, servers: path, address: NODE_ADDRESS, close: remove }
  }
  // no other global address: the clients' one is that of the veth
  const none = { addresses: [], source4: null, source6: null }
  const [clients, servers] = [await makeNamespace(none), await makeNamespace(none)]
  const inside = { namespace: clients.path }
  run(['ip', 'link', 'add', 'bench0', 'type', 'veth', 'peer', 'name', 'bench1', 'netns', `${servers.holder}`], inside)
  run(['ip', 'addr', 'add', `${CLIENT_SIDE}/30`, 'dev', 'bench0'], inside)
  run(['ip', 'addr', 'add', `${SERVER_SIDE}/30`, 'dev', 'bench1'], { namespace: servers.path })
  run(['ip', 'link', 'set', 'bench0', 'up'], inside)
  run(['ip', 'link', 'set', 'bench1', 'up'], { namespace: servers.path })
  for (const path of [clients.path, servers.path]) settle(path)
  const close = undoAtExit(() => {
    clients.remove()
    servers.remove()
  })
  return { clients: clients.path, servers: servers.path, address: SERVER_SIDE, close }
}

function settle(namespace: string): void {
  run(['sh', '-c', SETTINGS.map((setting) => setting.replace(/^([^=]+)=(.*)$/, 'echo $2 > /proc/sys/net/ipv4/$1')).join('; ')], {
    namespace,
  })
}
