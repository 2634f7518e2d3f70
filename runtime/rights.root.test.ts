import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../scripts/commands.ts'
import { startBackends } from '../scripts/kit/backend.ts'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { startDialer } from '../scripts/kit/dialer.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { CAPABILITY_NEEDS } from './sys/capabilities.ts'
import { ensureBpffs } from './sys/mountinfo.ts'
import { kernelView } from '../scripts/kit/kernel-view.ts'

const INSTANCE = `kmr-rights-${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'kmr-'))
undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
const services = [
  { name: 'one', address: '127.96.25.30', port: 80, endpoints: ['127.0.0.1:25031'] },
  { name: 'names', address: '127.96.25.30', port: 53, protocol: 'udp', endpoints: ['127.0.0.1:25053'] },
] as const
const file = join(folder, 'artifact.tar')
writeFileSync(file, (await governedArtifact(services)).bytes)

/** Root's user id, which owns the files, with exactly these capabilities. */
function limited(capabilities: string, argv: readonly string[]): { readonly status: number | null; readonly stdout: string } {
  const bounding = `-all${capabilities === '' ? '' : `,${capabilities}`}`
  const { status, stdout } = spawnSync('setpriv', [`--bounding-set=${bounding}`, '--inh-caps=-all', ...argv], { encoding: 'utf8' })
  return { status, stdout }
}

const runtime = (capabilities: string, ...args: readonly string[]): { readonly status: number | null; readonly stdout: string } =>
  limited(capabilities, [...command('kmesh-runtime'), ...args, '--instance', INSTANCE, '--json'])

/** What the code says that it cannot do without. */
const EXACTLY = CAPABILITY_NEEDS.filter(({ level }) => level === 'required')
  .map(({ capability }) => `+${capability.replace('CAP_', '').toLowerCase()}`)
  .join()

test('apply, status, dump, metrics, monitor and detach need exactly CAP_BPF and CAP_NET_ADMIN', async () => {
  assert.match(limited(EXACTLY, ['grep', 'CapEff', '/proc/self/status']).stdout, /^CapEff:\s0000008000001000$/m)
  ensureBpffs()
  const cgroup = makeCgroup('kmr')
  const first = runtime(EXACTLY, 'apply', file, '--cgroup', cgroup.path)
  assert.is(first.status, 0, first.stdout)
  const programs = (JSON.parse(first.stdout) as { programs: { verifiedInstructions: number }[] }).programs
  assert.ok(programs.length >= 18)
  assert.ok(programs.every(({ verifiedInstructions }) => verifiedInstructions > 0))
  assert.is(runtime(EXACTLY, 'apply', file).status, 0)

  const backends = await startBackends([{ address: '127.0.0.1', port: 25031, protocol: 'tcp' }], {})
  const dialer = startDialer({ cgroup: cgroup.path })
  assert.equal((await dialer.dial({ protocol: 'tcp', address: '127.96.25.30', port: 80, count: 3 })).reached, { '127.0.0.1:25031': 3 })
  dialer.stop()
  backends.stop()

  const status = runtime(EXACTLY, 'status')
  assert.is(status.status, 0)
  assert.is((JSON.parse(status.stdout) as { clusters: { connections: number }[] }).clusters[0]?.connections, 3)
  assert.is(runtime(EXACTLY, 'dump').status, 0)
  const metrics = limited(EXACTLY, [...command('kmesh-runtime'), 'metrics', '--instance', INSTANCE])
  assert.is(metrics.status, 0)
  assert.match(metrics.stdout, /\nkmesh_cluster_connections_total\{cluster="one"\} 3\n/)
  const listening = limited(EXACTLY, ['timeout', '--preserve-status', '12', ...command('kmesh-runtime'), 'monitor', '--instance', INSTANCE])
  assert.is(listening.status, 0)
  assert.is(runtime(EXACTLY, 'detach').status, 0)
  assert.equal(kernelView(INSTANCE).pins, {})
  cgroup.remove()
})

test('with less it is a coded error and nothing is left', () => {
  const cgroup = makeCgroup('kmr')
  for (const capabilities of ['+bpf', '+net_admin', '']) {
    const { status, stdout } = runtime(capabilities, 'apply', file, '--cgroup', cgroup.path)
    assert.is(status, 1, capabilities)
    const [first] = (JSON.parse(stdout) as { diagnostics: { code: string; fix: string }[] }).diagnostics
    assert.is(first?.code, 'KM9116', stdout)
    assert.equal(kernelView(INSTANCE).pins, {}, capabilities)
  }
  cgroup.remove()
})

test.run()
