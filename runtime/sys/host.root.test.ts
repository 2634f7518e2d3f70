/** Mounts, cgroup ids and privileges as this kernel has them. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { makeNamespace } from '../../scripts/kit/namespace.ts'
import { startSocketHolder } from '../../scripts/kit/sockets.ts'
import { cgroupAncestors, cgroupId, cgroupRelation, cgroupSubtree } from './cgroup.ts'
import { findCgroup2 } from './mountinfo.ts'
import { heldSockets, processesOf } from './process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function evaluate(wrapper: readonly string[], script: string): unknown {
  const [file = '', ...args] = [...wrapper, process.execPath, '--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout, stderr, status } = spawnSync(file, args, { cwd: ROOT, encoding: 'utf8' })
  assert.is(status, 0, stderr)
  return JSON.parse(stdout)
}

test('a cgroup has another id when it is made again at the same path', () => {
  const parent = makeCgroup('kmh')
  const path = parent.child('again')
  const first = cgroupId(path)
  assert.is(first, statSync(path, { bigint: true }).ino)
  rmdirSync(path)
  assert.throws(() => cgroupId(path))
  mkdirSync(path)
  assert.is.not(cgroupId(path), first)
  parent.remove()
})

test('subtree, ancestors and relation', () => {
  const parent = makeCgroup('kmh')
  const child = parent.child('a')
  const grandchild = parent.child('a/b')
  assert.equal(
    cgroupSubtree(parent.path).map(({ path }) => path),
    [parent.path, child, grandchild],
  )
  const mountPoint = findCgroup2() as string
  assert.equal(
    cgroupAncestors(grandchild, mountPoint).map(({ path }) => path),
    [grandchild, child, parent.path, mountPoint],
  )
  assert.is(cgroupRelation(child, grandchild), 'ancestor')
  assert.is(cgroupRelation(grandchild, child), 'descendant')
  assert.is(cgroupRelation(child, `${child}b`), 'apart')
  parent.remove()
})

test('processes below a cgroup and their sockets are found', async () => {
  const parent = makeCgroup('kmh')
  const holder = startSocketHolder({ cgroup: parent.child('a') })
  await holder.step({ op: 'make', name: 's', protocol: 'udp', family: 'v4' })
  assert.equal(processesOf(cgroupSubtree(parent.path)), [holder.pid])
  const held = heldSockets(holder.pid)
  assert.ok(held.kind === 'read' && held.sockets.length >= 1)
  holder.stop()
  parent.remove()
})

test('a bpffs is mounted where there is none, and found the next time', () => {
  const script = `
    const { ensureBpffs, findBpffs } = await import('./runtime/sys/mountinfo.ts')
    const { unmount } = await import('./runtime/sys/libc.ts')
    for (let path = findBpffs(); path !== undefined; path = findBpffs()) unmount(path)
    console.log(JSON.stringify([ensureBpffs(), ensureBpffs()]))`
  const [first, second] = evaluate(['unshare', '--mount', '--propagation', 'private'], script) as { path: string; mounted: string }[]
  assert.is(first?.mounted, 'now')
  assert.is(second?.mounted, 'before')
  assert.is(first?.path, second?.path)
})

test('where a bpffs is, is read once, and again when it has gone', () => {
  const script = `
    const fs = (await import('node:fs')).default
    const { syncBuiltinESMExports } = await import('node:module')
    const { ensureBpffs, findBpffs } = await import('./runtime/sys/mountinfo.ts')
    const { unmount } = await import('./runtime/sys/libc.ts')
    const real = fs.readFileSync
    let reads = 0
    fs.readFileSync = (...args) => (reads++, real(...args))
    syncBuiltinESMExports()
    for (let path = findBpffs(); path !== undefined; path = findBpffs()) unmount(path)
    const { path } = ensureBpffs()
    const first = findBpffs()
    const before = reads
    const again = findBpffs()
    const between = reads - before
    unmount(path)
    console.log(JSON.stringify([path === first && first === again, between, findBpffs() ?? 'gone']))`
  assert.equal(evaluate(['unshare', '--mount', '--propagation', 'private'], script), [true, 0, 'gone'])
})

test('without CAP_SYS_ADMIN other namespaces are a limit, not a failure', async () => {
  const namespace = await makeNamespace({ addresses: [] })
  const cgroup = makeCgroup('kmh')
  const holder = startSocketHolder({ namespace: namespace.path, cgroup: cgroup.path })
  await holder.step({ op: 'make', name: 's', protocol: 'udp', family: 'v4' })
  const script = `
    const { sourceTable } = await import('./runtime/source-table.ts')
    const { findEscaped } = await import('./runtime/escaped.ts')
    const { releaseStaleDatagrams } = await import('./runtime/stale-datagrams.ts')
    const path = ${JSON.stringify(cgroup.path)}
    const { rows, limits } = sourceTable(path)
    const escaped = findEscaped(path, { governs: () => true })
    const stale = releaseStaleDatagrams(path, [{ address: new Uint8Array(16), port: 1 }])
    console.log(JSON.stringify([rows.length, limits, escaped.limits, stale.limits]))`
  const caps = '+bpf,+net_admin,+sys_ptrace,+dac_read_search'
  const wrapper = [
    'setpriv',
    '--inh-caps',
    `-all,${caps}`,
    '--ambient-caps',
    caps,
    '--bounding-set',
    `-all,${caps}`,
    '--reuid',
    '65534',
    '--regid',
    '65534',
    '--clear-groups',
  ]
  const [rows, ...limits] = evaluate(wrapper, script) as [number, ...string[][]]
  assert.is(rows, 1)
  for (const list of limits)
    assert.ok(
      list.some((line) => line.includes('CAP_SYS_ADMIN')),
      JSON.stringify(list),
    )
  holder.stop()
  cgroup.remove()
  namespace.remove()
})

test.run()
