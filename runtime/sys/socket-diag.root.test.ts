import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startBackends } from '../../scripts/kit/backend.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { makeNamespace } from '../../scripts/kit/namespace.ts'
import { startSocketHolder } from '../../scripts/kit/sockets.ts'
import { placeText } from '../socket-address.ts'
import { cgroupId } from './cgroup.ts'
import { allNamespaces, type NetworkNamespace, namespacesOf } from './netns.ts'
import { type LiveSocket, openSocketDiag, type SocketDiag } from './socket-diag.ts'

const namespace = await makeNamespace({ addresses: ['10.1.2.3', 'fd00::5'] })
const cgroup = makeCgroup('kmh')
const backends = await startBackends(
  (['tcp', 'udp'] as const).flatMap((protocol) => [
    { address: '10.1.2.3', port: 26001, protocol },
    { address: 'fd00::5', port: 26001, protocol },
  ]),
  { namespace: namespace.path },
)
const holder = startSocketHolder({ namespace: namespace.path, cgroup: cgroup.path })
const other = namespacesOf([namespace.holder]).namespaces.find(({ whose }) => whose === 'other') as NetworkNamespace

function opened(): SocketDiag {
  const diag = openSocketDiag(other)
  if (diag.kind !== 'entered') throw new Error(diag.kind)
  return diag.value
}

const peerOf = ({ peer, peerPort }: LiveSocket): string => placeText({ address: peer, port: peerPort })

test('the namespace of a process is found once, with its path and inode', () => {
  assert.is(other.path, namespace.path)
  assert.is(allNamespaces().namespaces.filter(({ inode }) => inode === other.inode).length, 1)
  assert.is(allNamespaces().namespaces[0]?.whose, 'own')
})

test('the thread is back in its own namespace, and cookies tell them apart', () => {
  const before = namespacesOf([]).namespaces[0]?.inode
  const diag = opened()
  assert.is(namespacesOf([]).namespaces[0]?.inode, before)
  const own = openSocketDiag(namespacesOf([]).namespaces[0] as NetworkNamespace)
  assert.ok(own.kind === 'entered' && own.value.cookie !== diag.cookie && diag.cookie !== 0n)
  if (own.kind === 'entered') own.value.close()
  diag.close()
})

for (const protocol of ['tcp', 'udp'] as const) {
  for (const [family, address, shown] of [
    ['v4', '10.1.2.3', '10.1.2.3:26001'],
    ['v6', 'fd00::5', '[fd00::5]:26001'],
    ['v6', '10.1.2.3', '10.1.2.3:26001'],
  ] as const) {
    test(`${protocol} over a ${family} socket to ${address} is seen with its cgroup and destroyed, once`, async () => {
      const name = `${protocol}${family}${address}`
      await holder.step({ op: 'make', name, protocol, family })
      assert.equal(await holder.step({ op: 'connect', name, address, port: 26001 }), { ok: null })
      if (protocol === 'tcp') await holder.step({ op: 'receive', name })
      const diag = opened()
      const mine = diag.dump(protocol).filter((socket) => peerOf(socket) === shown && socket.cgroup === cgroupId(cgroup.path))
      assert.is(mine.length, 1)
      assert.is(mine[0]?.state, 'ESTABLISHED')
      assert.is(diag.destroy(mine[0] as LiveSocket), 'destroyed')
      assert.equal(await holder.step({ op: 'receive', name }), { errno: 'ECONNABORTED' })
      assert.is(diag.dump(protocol).filter((socket) => peerOf(socket) === shown && socket.cgroup === cgroupId(cgroup.path)).length, 0)
      assert.is(diag.destroy(mine[0] as LiveSocket), 'gone')
      diag.close()
      await holder.step({ op: 'close', name })
    })
  }
}

test('listening sockets are seen with their state', () => {
  const diag = opened()
  const listening = diag.dump('tcp').filter(({ state }) => state === 'LISTEN')
  assert.is(listening.filter(({ sourcePort }) => sourcePort === 26001).length, 2)
  diag.close()
})

test('a namespace that is gone is no error', () => {
  const gone = openSocketDiag({ inode: 1, path: '/proc/4194304/ns/net', pids: [], whose: 'other' })
  assert.is(gone.kind, 'gone')
})

test.after(() => {
  holder.stop()
  backends.stop()
  cgroup.remove()
  namespace.remove()
})
test.run()
