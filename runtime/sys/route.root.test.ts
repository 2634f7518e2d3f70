import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeNamespace } from '../../scripts/kit/namespace.ts'
import { run } from '../../scripts/kit/process.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { type NetworkNamespace, namespacesOf } from './netns.ts'
import { routesTo } from './route.ts'

test('local, outward and refused addresses are told apart in another namespace', async () => {
  const namespace = await makeNamespace({ addresses: ['10.1.0.0/16', 'fd00::/64'] })
  // a link whose two ends are both in the closed namespace
  const commands = [
    'ip link add kmh0 type veth peer name kmh1',
    'ip link set kmh0 up',
    'ip link set kmh1 up',
    'ip addr add 10.50.0.1/24 dev kmh0',
    'ip -6 route add fd50::/64 dev kmh0',
    'ip route add unreachable 10.96.0.0/12',
    'ip route add blackhole 10.112.0.0/12',
  ]
  run(['sh', '-ec', commands.join('\n')], { namespace: namespace.path })
  const other = namespacesOf([namespace.holder]).namespaces.find(({ whose }) => whose === 'other') as NetworkNamespace
  const addresses = ['10.1.2.3', '127.96.0.1', '10.50.0.9', '10.96.0.1', '10.112.0.1', '192.0.2.1', 'fd00::5', 'fd50::5', 'fd99::5', '::1']
  const found = routesTo(
    other,
    addresses.map((text) => parseIp(text) as Uint8Array),
  )
  assert.equal(found, {
    kind: 'entered',
    value: ['local', 'local', 'outward', 'none', 'none', 'none', 'local', 'outward', 'none', 'local'],
  })
  namespace.remove()
})

test.run()
