import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { makeNamespace } from '../scripts/kit/namespace.ts'
import { startSocketHolder } from '../scripts/kit/sockets.ts'
import { parseIp } from '../proto/address/parse-ip.ts'
import { releaseStaleDatagrams } from './stale-datagrams.ts'

const namespaces = [
  await makeNamespace({ addresses: ['10.1.0.0/16', 'fd00::/64'] }),
  await makeNamespace({ addresses: ['10.1.0.0/16'] }),
] as const
const cgroup = makeCgroup('kmh')
const pod = cgroup.child('pod')
const place = (address: string, port: number) => ({ address: parseIp(address) as Uint8Array, port })

test('sockets bound to an endpoint that left are destroyed in every namespace, others live on', async () => {
  const [first, second, ungoverned] = [
    startSocketHolder({ namespace: namespaces[0].path, cgroup: pod }),
    startSocketHolder({ namespace: namespaces[1].path, cgroup: cgroup.path }),
    startSocketHolder({ namespace: namespaces[0].path }),
  ]
  for (const holder of [first, second, ungoverned]) {
    await holder.step({ op: 'make', name: 'dead', protocol: 'udp', family: 'v4' })
    await holder.step({ op: 'connect', name: 'dead', address: '10.1.2.3', port: 26201 })
  }
  // a v6 socket connected to a v4 endpoint, one to a v6 endpoint, one to another port and one to another endpoint
  for (const [name, family, address, port] of [
    ['mapped', 'v6', '10.1.2.3', 26201],
    ['v6', 'v6', 'fd00::5', 26201],
    ['port', 'v4', '10.1.2.3', 26202],
    ['other', 'v4', '10.1.2.4', 26201],
  ] as const) {
    await first.step({ op: 'make', name, protocol: 'udp', family })
    await first.step({ op: 'connect', name, address, port })
  }
  const gone = [place('10.1.2.3', 26201), place('fd00::5', 26201)]
  const report = releaseStaleDatagrams(cgroup.path, gone)
  assert.is(report.destroyed, 4)
  assert.equal(report.remaining, [])
  for (const [holder, name] of [
    [first, 'dead'],
    [second, 'dead'],
    [first, 'mapped'],
    [first, 'v6'],
  ] as const) {
    assert.equal(await holder.step({ op: 'receive', name }), { errno: 'ECONNABORTED' }, name)
    assert.equal(await holder.step({ op: 'connect', name, address: '10.1.2.4', port: 26201 }), { ok: null }, name)
  }
  assert.equal(await ungoverned.step({ op: 'peer', name: 'dead' }), { ok: '10.1.2.3:26201' })
  assert.equal(await first.step({ op: 'peer', name: 'port' }), { ok: '10.1.2.3:26202' })
  assert.equal(await first.step({ op: 'peer', name: 'other' }), { ok: '10.1.2.4:26201' })
  assert.is(releaseStaleDatagrams(cgroup.path, gone).destroyed, 0)
  for (const holder of [first, second, ungoverned]) holder.stop()
})

test('no endpoint left: nothing is looked at', () => {
  assert.equal(releaseStaleDatagrams('/nowhere', []), { destroyed: 0, remaining: [], limits: [] })
})

test.after(() => {
  cgroup.remove()
  for (const namespace of namespaces) namespace.remove()
})
test.run()
