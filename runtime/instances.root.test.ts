import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codesOf } from '../scripts/kit/codes-of.ts'
import { startBackends } from '../scripts/kit/backend.ts'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { startDialer } from '../scripts/kit/dialer.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import { apply } from './apply.ts'
import type { ApplyReport } from './apply-request.ts'
import { detach } from './detach.ts'
import { listInstances } from './place.ts'
import { cgroup2Mount } from './governed-cgroup.ts'
import { status } from './status.ts'
import { findBpffs } from './sys/mountinfo.ts'

const A = `kmr-a-${process.pid}`
const B = `kmr-b-${process.pid}`
const service = { name: 'one', address: '127.96.25.10', port: 80 }
const toFirst = await governedArtifact([{ ...service, endpoints: ['127.0.0.1:25011'] }])
const toSecond = await governedArtifact([{ ...service, endpoints: ['127.0.0.1:25012'] }])

undoAtExit(() => {
  const bpffs = findBpffs()
  for (const name of bpffs === undefined ? [] : listInstances(bpffs)) if (name === A || name === B) detach(name)
})

function applied(instance: string, cgroup: string | undefined, artifact = toFirst): Promise<ApplyReport> {
  return apply({
    artifact: artifact.artifact,
    instance,
    diverted: 'refuse',
    mode: 'apply',
    host: noMachine(),
    ...(cgroup === undefined ? {} : { cgroup }),
  })
}

test('two instances side by side govern two cgroups, each with its own artifact', async () => {
  const top = makeCgroup('kmr')
  const left = top.child('left')
  const right = top.child('right')
  await applied(A, left, toFirst)
  await applied(B, right, toSecond)
  const backends = await startBackends(
    [25011, 25012].map((port) => ({ address: '127.0.0.1', port, protocol: 'tcp' })),
    {},
  )
  const dial = { protocol: 'tcp', address: service.address, port: service.port, count: 5 } as const
  const [inLeft, inRight, outside] = [
    startDialer({ cgroup: left }),
    startDialer({ cgroup: right }),
    startDialer({ cgroup: top.child('beside') }),
  ]
  assert.equal((await inLeft.dial(dial)).reached, { '127.0.0.1:25011': 5 })
  assert.equal((await inRight.dial(dial)).reached, { '127.0.0.1:25012': 5 })
  assert.equal((await outside.dial(dial)).reached, {})
  detach(A)
  assert.equal((await inRight.dial(dial)).reached, { '127.0.0.1:25012': 5 }, 'detaching one leaves the other alone')
  assert.equal((await inLeft.dial(dial)).reached, {}, 'nothing is governed after detach')
  for (const dialer of [inLeft, inRight, outside]) dialer.stop()
  backends.stop()
  detach(B)
  assert.ok(existsSync(left), 'a cgroup given by --cgroup is never removed')
  top.remove()
})

test('an ancestor, a descendant and the same cgroup are refused', async () => {
  const top = makeCgroup('kmr')
  const middle = top.child('middle')
  const below = top.child('middle/below')
  await applied(A, middle)
  for (const path of [top.path, middle, below]) assert.equal(await codesOf(() => applied(B, path)), ['KM9104'], path)
  assert.equal(await codesOf(() => applied(A, below)), ['KM9105'])
  await applied(B, top.child('beside'))
  detach(A)
  detach(B)
  top.remove()
})

test('what is no cgroup is refused, and so are names with a dot', async () => {
  assert.equal(await codesOf(() => applied(A, '/tmp')), ['KM9103'])
  assert.equal(await codesOf(() => applied(A, join(cgroup2Mount(), 'kmr-none'))), ['KM9103'])
  assert.equal(await codesOf(() => applied('a.b', undefined)), ['KM9102'])
  assert.equal(await codesOf(() => applied('../x', undefined)), ['KM9102'])
})

test('pitfall 22: a runtime inside the cgroup is refused', async () => {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] as string
  const before = join(cgroup2Mount(), own)
  const top = makeCgroup('kmr')
  const inner = top.child('inner')
  writeFileSync(join(inner, 'cgroup.procs'), String(process.pid))
  try {
    assert.equal(await codesOf(() => applied(A, inner)), ['KM9112'])
    assert.equal(await codesOf(() => applied(A, top.path)), ['KM9112'])
  } finally {
    writeFileSync(join(before, 'cgroup.procs'), String(process.pid))
  }
  top.remove()
})

test('pitfall 19: a cgroup that was removed and made again is noticed, and apply governs the new one', async () => {
  const top = makeCgroup('kmr')
  const path = top.child('unit')
  await applied(A, path)
  assert.is(status(A).cgroup.state, 'governed')
  rmdirSync(path)
  assert.is(status(A).cgroup.state, 'gone')
  mkdirSync(path)
  const between = status(A)
  assert.is(between.cgroup.state, 'made-again')
  assert.equal(
    between.warnings.map(({ code }) => code),
    ['KM9115'],
  )
  assert.ok(between.links.every(({ state }) => state === 'elsewhere'))

  const backends = await startBackends([{ address: '127.0.0.1', port: 25011, protocol: 'tcp' }], {})
  const dial = { protocol: 'tcp', address: service.address, port: service.port, count: 3 } as const
  const early = startDialer({ cgroup: path })
  assert.equal((await early.dial(dial)).reached, {}, 'it looks alive and governs nothing')
  const report = await applied(A, path)
  assert.equal(
    report.warnings.map(({ code }) => code),
    ['KM9114'],
  )
  assert.is(status(A).cgroup.state, 'governed')
  assert.equal((await early.dial(dial)).reached, { '127.0.0.1:25011': 3 })
  assert.equal((await applied(A, path)).warnings, [])
  early.stop()
  backends.stop()
  detach(A)
  top.remove()
})

test('counters go on across applies, by name', async () => {
  await applied(A, undefined)
  const cgroup = status(A).cgroup.path
  const backends = await startBackends([{ address: '127.0.0.1', port: 25011, protocol: 'tcp' }], {})
  const dialer = startDialer({ cgroup })
  const dial = { protocol: 'tcp', address: service.address, port: service.port, count: 4 } as const
  await dialer.dial(dial)
  await applied(A, undefined, toSecond)
  await applied(A, undefined, toFirst)
  await dialer.dial(dial)
  const { listeners, clusters } = status(A)
  assert.is(listeners[0]?.connections, 8)
  assert.is(clusters[0]?.connections, 8)
  assert.equal(
    clusters[0]?.endpoints.map(({ address, connections, active }) => [address, connections, active]),
    [['127.0.0.1:25011', 8, 0]],
  )
  dialer.stop()
  backends.stop()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.ok(detach(A).cgroupRemoved)
})

test.run()
