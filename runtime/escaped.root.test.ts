import { readlinkSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startBackends } from '../scripts/kit/backend.ts'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { startDialer } from '../scripts/kit/dialer.ts'
import { makeNamespace } from '../scripts/kit/namespace.ts'
import { startSocketHolder } from '../scripts/kit/sockets.ts'
import { type EscapeReport, findEscaped, resetEscaped } from './escaped.ts'
import { governedAddresses } from './governed-addresses.ts'
import { placeText } from './socket-address.ts'
import { parseIp } from '../proto/address/parse-ip.ts'

const SERVICE = '10.96.0.1'
const PORT = 26101
const namespace = await makeNamespace({ addresses: [SERVICE, '10.1.2.3', 'fd00::5'] })
const backends = await startBackends(
  (['tcp', 'udp'] as const).flatMap((protocol) => [SERVICE, '10.1.2.3'].map((address) => ({ address, port: PORT, protocol }))),
  { namespace: namespace.path },
)
const at = (address: string) => ({ address: parseIp(address) as Uint8Array, port: PORT })
const governed = governedAddresses(
  (['tcp', 'udp'] as const).map((protocol) => ({ protocol, ...at(SERVICE) })),
  [at('10.1.2.3')],
)
const summary = ({ counts }: EscapeReport) => [counts['open-before'], counts.moved, counts.inherited]

/** A fresh governed cgroup and a process that is still outside of it. */
function scene() {
  const cgroup = makeCgroup('kmh')
  const holder = startSocketHolder({ namespace: namespace.path })
  const end = () => {
    holder.stop()
    cgroup.remove()
  }
  return { cgroup: cgroup.path, child: cgroup.child('pod'), holder, end }
}

test('a connection that was open before counts, one to an endpoint does not', async () => {
  const { child, cgroup, holder, end } = scene()
  await holder.step({ op: 'join', cgroup: child })
  for (const [name, address] of [
    ['a', SERVICE],
    ['b', '10.1.2.3'],
  ] as const) {
    await holder.step({ op: 'make', name, protocol: 'tcp', family: 'v6' })
    await holder.step({ op: 'connect', name, address, port: PORT })
  }
  const report = findEscaped(cgroup, governed)
  assert.equal(summary(report), [1, 0, 0])
  assert.is(placeText({ address: report.sockets[0]?.socket.peer as Uint8Array, port: PORT }), `${SERVICE}:${PORT}`)
  assert.equal(resetEscaped(report.sockets), { destroyed: 1, remaining: [] })
  assert.equal(summary(findEscaped(cgroup, governed)), [0, 0, 0])
  await holder.step({ op: 'receive', name: 'a' })
  assert.equal(await holder.step({ op: 'receive', name: 'a' }), { errno: 'ECONNABORTED' })
  assert.equal(await holder.step({ op: 'receive', name: 'b' }), { ok: [`10.1.2.3:${PORT}\n`, ''] })
  end()
})

test('what the instance remembers of a socket has the last word, asked through a copy of its descriptor', async () => {
  const { cgroup, holder, end } = scene()
  await holder.step({ op: 'join', cgroup })
  await holder.step({ op: 'make', name: 'a', protocol: 'tcp', family: 'v4' })
  await holder.step({ op: 'connect', name: 'a', address: SERVICE, port: PORT })
  const asked: string[] = []
  const decided = (answer: 'yes' | 'no') => (descriptor: number) => {
    asked.push(readlinkSync(`/proc/self/fd/${descriptor}`))
    return answer
  }
  assert.equal(summary(findEscaped(cgroup, { ...governed, decided: decided('yes') })), [0, 0, 0])
  const report = findEscaped(cgroup, { ...governed, decided: decided('no') })
  assert.equal(summary(report), [1, 0, 0])
  const socket = `socket:[${report.sockets[0]?.socket.inode}]`
  assert.equal(asked, [socket, socket])
  assert.equal(
    report.sockets[0]?.holders.map(({ pid }) => pid),
    [holder.pid],
  )
  end()
})

test('a socket made before its process joined counts as moved, with its holder', async () => {
  const { child, cgroup, holder, end } = scene()
  await holder.step({ op: 'make', name: 'a', protocol: 'tcp', family: 'v4' })
  await holder.step({ op: 'connect', name: 'a', address: SERVICE, port: PORT })
  assert.equal(summary(findEscaped(cgroup, governed)), [0, 0, 0])
  await holder.step({ op: 'join', cgroup: child })
  const report = findEscaped(cgroup, governed)
  assert.equal(summary(report), [0, 1, 0])
  assert.equal(
    report.sockets[0]?.holders.map(({ pid }) => pid),
    [holder.pid],
  )
  assert.is(resetEscaped(report.sockets).destroyed, 1)
  assert.equal(summary(findEscaped(cgroup, governed)), [0, 0, 0])
  end()
})

test('a socket that a process outside holds too counts as inherited', async () => {
  const { cgroup, holder, end } = scene()
  await holder.step({ op: 'make', name: 'a', protocol: 'tcp', family: 'v4' })
  await holder.step({ op: 'connect', name: 'a', address: SERVICE, port: PORT })
  await holder.step({ op: 'fork' })
  await holder.step({ op: 'join', cgroup })
  assert.equal(summary(findEscaped(cgroup, governed)), [0, 0, 1])
  end()
})

test('unconnected UDP sockets count on ephemeral ports only', async () => {
  const { cgroup, holder, end } = scene()
  for (const [name, port] of [
    ['client', 0],
    ['server', 5353],
  ] as const) {
    await holder.step({ op: 'make', name, protocol: 'udp', family: 'v4', bind: ['0.0.0.0', port] })
  }
  await holder.step({ op: 'make', name: 'connected', protocol: 'udp', family: 'v4' })
  await holder.step({ op: 'connect', name: 'connected', address: '10.1.2.3', port: PORT })
  await holder.step({ op: 'join', cgroup })
  const report = findEscaped(cgroup, governed)
  assert.equal(summary(report), [0, 1, 0])
  assert.is(resetEscaped(report.sockets).destroyed, 1)
  assert.equal(await holder.step({ op: 'receive', name: 'client' }), { errno: 'ECONNABORTED' })
  end()
})

test('accepted connections do not count, whoever made the listener', async () => {
  const { cgroup, holder, end } = scene()
  // the peer of the accepted connection is the governed service address and port
  await holder.step({ op: 'make', name: 'l', protocol: 'tcp', family: 'v4', bind: ['10.1.2.3', 26102] })
  await holder.step({ op: 'listen', name: 'l' })
  await holder.step({ op: 'make', name: 'c', protocol: 'tcp', family: 'v4', bind: [SERVICE, 26103] })
  await holder.step({ op: 'connect', name: 'c', address: '10.1.2.3', port: 26102 })
  await holder.step({ op: 'accept', name: 'l', as: 'accepted' })
  await holder.step({ op: 'join', cgroup })
  const inbound = governedAddresses([{ protocol: 'tcp', address: parseIp(SERVICE) as Uint8Array, port: 26103 }], [])
  assert.equal(summary(findEscaped(cgroup, inbound)), [0, 0, 0])
  end()
})

test('ten thousand sockets take less than a second of CPU time', async () => {
  const cgroup = makeCgroup('kmh')
  const dialers = [
    startDialer({ namespace: namespace.path, cgroup: cgroup.path }),
    startDialer({ namespace: namespace.path, cgroup: cgroup.path }),
  ]
  for (const dialer of dialers) {
    await dialer.dial({ protocol: 'tcp', address: '10.1.2.3', port: PORT, count: 2450, hold: 'a' })
    await dialer.dial({ protocol: 'tcp', address: SERVICE, port: PORT, count: 50, hold: 'b' })
  }
  const started = process.cpuUsage()
  const report = findEscaped(cgroup.path, governed)
  const { user, system } = process.cpuUsage(started)
  // each connection has two ends in this namespace
  assert.equal(summary(report), [100, 0, 0])
  assert.ok(user + system < 1_000_000, `${user} us in user mode, ${system} us in the kernel`)
  for (const dialer of dialers) dialer.stop()
  cgroup.remove()
})

test.after(() => {
  backends.stop()
  namespace.remove()
})
test.run()
