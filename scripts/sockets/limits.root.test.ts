import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ensureBpffs } from '../../runtime/sys/mountinfo.ts'
import { command } from '../commands.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { requestArtifact } from './request-artifact.ts'

const MOST = 50_000
const instance = `kmh1-limits-${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'kmh1-'))
undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'artifact.tar')
writeFileSync(file, await requestArtifact({ address: '127.96.23.9', port: 80, clusters: [['127.0.0.1:23251']], answer: 'product' }))

// mounting one needs more than these capabilities
ensureBpffs()

const limited = (...args: readonly string[]): { readonly status: number | null; readonly stdout: string } =>
  spawnSync(
    'setpriv',
    ['--bounding-set=-all,+bpf,+net_admin', '--inh-caps=-all', ...command('kmesh-runtime'), ...args, '--instance', instance, '--json'],
    {
      encoding: 'utf8',
    },
  )

test('every program of requests loads with exactly CAP_BPF and CAP_NET_ADMIN, and is not too long to be verified', () => {
  const cgroup = makeCgroup('kmh1-limits')
  const { status, stdout } = limited('apply', file, '--cgroup', cgroup.path)
  assert.is(status, 0, stdout)
  const { programs } = JSON.parse(stdout) as { programs: readonly { unit: string; program: string; verifiedInstructions: number }[] }
  const units = new Set(programs.map(({ unit }) => unit))
  for (const unit of ['http', 'reply_local', 'reply_remote', 'http_request', 'http_route', 'http_act', 'http_round_robin', 'http_forward'])
    assert.ok(units.has(unit), unit)
  for (const { program, verifiedInstructions } of programs) assert.ok(verifiedInstructions < MOST, `${program}: ${verifiedInstructions}`)
  spawnSync(command('kmesh-runtime')[0] as string, [...command('kmesh-runtime').slice(1), 'detach', '--instance', instance])
  cgroup.remove()
})

test.run()
