import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startBackends } from './backend.ts'
import { makeCgroup } from './cgroup.ts'
import { startDialer } from './dialer.ts'
import { makeNamespace } from './namespace.ts'
import { run } from './process.ts'

const namespace = await makeNamespace({ addresses: ['10.1.2.3', '10.2.0.0/16', 'fd00::5'] })
const cgroup = makeCgroup('kmkit')
const backends = await startBackends(
  [
    { address: '10.1.2.3', port: 80, protocol: 'tcp' },
    { address: '10.2.3.4', port: 53, protocol: 'udp' },
    { address: 'fd00::5', port: 53, protocol: 'udp' },
  ],
  { namespace: namespace.path },
)
const dialer = startDialer({ namespace: namespace.path, cgroup: cgroup.path })

test('a namespace has loopback only and prohibits everything that is not local', async () => {
  const links = JSON.parse(run(['ip', '-j', 'link'], { namespace: namespace.path })) as { ifname: string }[]
  assert.equal(links.filter((link) => link.ifname === 'lo').length, 1)
  const routes = run(['ip', 'route', 'show', 'table', 'main'], { namespace: namespace.path })
  assert.equal(routes.trim(), 'prohibit default')
  for (const address of ['192.0.2.1', '2001:db8::1']) {
    for (const protocol of ['tcp', 'udp'] as const) assert.is((await dialer.dial({ protocol, address, port: 9, count: 2 })).passed, 2)
  }
})

test('the dialer is in the cgroup', () => {
  assert.equal(run(['cat', `${cgroup.path}/cgroup.procs`]).trim(), String(dialer.pid))
})

test('tcp and udp reach the backend and say which, over v4 and v6 sockets', async () => {
  assert.equal((await dialer.dial({ protocol: 'tcp', address: '10.1.2.3', port: 80, count: 3 })).reached, { '10.1.2.3:80': 3 })
  const mapped = await dialer.dial({ protocol: 'tcp', address: '10.1.2.3', port: 80, count: 3, socket: 'v6', cpus: 'alternate' })
  assert.equal(mapped.peer, { '[::ffff:10.1.2.3]:80': 3 })
  assert.equal((await dialer.dial({ protocol: 'udp', address: 'fd00::5', port: 53, count: 2, sequence: true })).sequence, [
    '[fd00::5]:53',
    '[fd00::5]:53',
  ])
  const unconnected = await dialer.dial({ protocol: 'udp', address: '10.2.3.4', port: 53, datagram: 'sendto', source: '10.2.0.9' })
  assert.equal(unconnected.peer, { '10.2.3.4:53': 1 })
})

test('failures are tallied by name, held connections stay until released', async () => {
  assert.equal((await dialer.dial({ protocol: 'tcp', address: '10.1.2.3', port: 81, count: 4 })).failed, { ECONNREFUSED: 4 })
  assert.equal((await dialer.dial({ protocol: 'tcp', address: '10.1.2.3', port: 80, count: 33, threads: 16, hold: 'a' })).reached, {
    '10.1.2.3:80': 33,
  })
  const open = run(['sh', '-c', 'ls -l /proc/$1/fd | grep -c socket', 'sh', String(dialer.pid)])
  assert.ok(Number(open) >= 33, open)
  assert.is(await dialer.release('a'), 33)
})

test('a port that is taken is named', async () => {
  try {
    await startBackends([{ address: '10.1.2.3', port: 80, protocol: 'tcp' }], { namespace: namespace.path })
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /10\.1\.2\.3 80 tcp EADDRINUSE/)
  }
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} ends what was started${signal === 'SIGKILL' ? '' : ' and removes the cgroup'}`, async () => {
    const script = `
      const { makeCgroup } = await import('./scripts/kit/cgroup.ts')
      const { makeNamespace } = await import('./scripts/kit/namespace.ts')
      const { startDialer } = await import('./scripts/kit/dialer.ts')
      const namespace = await makeNamespace({ addresses: [] })
      const cgroup = makeCgroup('kmkit')
      const dialer = startDialer({ namespace: namespace.path, cgroup: cgroup.path })
      await dialer.release('nothing')
      console.log(JSON.stringify({ cgroup: cgroup.path, pids: [namespace.holder, dialer.pid] }))`
    const argv = ['--import', 'tsx', '--input-type=module', '-e', script]
    const child = spawn(process.execPath, argv, {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const made = JSON.parse(line) as { readonly cgroup: string; readonly pids: readonly number[] }
    assert.ok(existsSync(made.cgroup))
    child.kill(signal)
    await once(child, 'exit')
    const deadline = Date.now() + 5000
    while (made.pids.some((pid) => existsSync(`/proc/${pid}`)) && Date.now() < deadline) await sleep(10)
    assert.equal(
      made.pids.filter((pid) => existsSync(`/proc/${pid}`)),
      [],
    )
    assert.is(existsSync(made.cgroup), signal === 'SIGKILL')
    if (signal === 'SIGKILL') rmdirSync(made.cgroup)
  })
}

test('stopping leaves nothing behind', () => {
  dialer.stop()
  backends.stop()
  cgroup.remove()
  namespace.remove()
  assert.not(existsSync(cgroup.path))
})

test.run()
