/**
 * Where the soak runs. In: nothing; out: two namespaces of clients and one of servers, joined by veth pairs. Invariant: none has a way out; what is not local has a prohibit route.
 */
import { makeNamespace, type Namespace } from '../kit/namespace.ts'
import { run } from '../kit/process.ts'
import { SERVER4, SERVER6 } from './resources.ts'

export interface Namespaces {
  /** one for each client place */
  readonly clients: readonly string[]
  readonly servers: string
  close(): void
}

const PLACES = [1, 2] as const

export async function makeNamespaces(): Promise<Namespaces> {
  const servers = await makeNamespace({ addresses: [], source4: null, source6: null })
  run(['ip', 'addr', 'add', `${SERVER4}/32`, 'dev', 'lo'], { namespace: servers.path })
  run(['ip', 'addr', 'add', `${SERVER6}/128`, 'dev', 'lo', 'nodad'], { namespace: servers.path })
  const clients: Namespace[] = []
  for (const place of PLACES) {
    const client = await makeNamespace({ addresses: [], source4: null, source6: null })
    join(client, servers, place)
    clients.push(client)
  }
  const close = (): void => {
    for (const one of [...clients, servers]) one.remove()
  }
  return { clients: clients.map(({ path }) => path), servers: servers.path, close }
}

function join(client: Namespace, servers: Namespace, place: number): void {
  const [inside, outside] = [{ namespace: client.path }, { namespace: servers.path }]
  const far = `soak${place}`
  run(['ip', 'link', 'add', 'soak0', 'type', 'veth', 'peer', 'name', far, 'netns', String(servers.holder)], inside)
  const ends = [
    [inside, 'soak0', 1],
    [outside, far, 2],
  ] as const
  for (const [where, device, end] of ends) {
    run(['ip', 'addr', 'add', `10.66.${place}.${end}/30`, 'dev', device], where)
    run(['ip', 'addr', 'add', `fd00:66:${place}::${end}/64`, 'dev', device, 'nodad'], where)
    run(['ip', 'link', 'set', device, 'up'], where)
  }
  run(['ip', 'route', 'add', `${SERVER4}/32`, 'via', `10.66.${place}.2`], inside)
  run(['ip', '-6', 'route', 'add', `${SERVER6}/128`, 'via', `fd00:66:${place}::2`], inside)
}
