/**
 * The processes as the units and the DaemonSet run them: with exactly the capabilities that they name, a root file system that may not be written, inside of a cgroup namespace
 * that they have to leave.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cgroup2Mount } from '../../runtime/governed-cgroup.ts'
import { ensureBpffs } from '../../runtime/sys/mountinfo.ts'
import { command } from '../commands.ts'
import { buildHolder } from '../kit/build-holder.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { governedArtifact } from '../kit/governed-artifact.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const INSTANCE = `kmg-rights-${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'kmg-'))
const drop = join(folder, 'drop')
mkdirSync(drop)
undoAtExit(() => rmSync(folder, { recursive: true, force: true }))

/** systemd's words -> setpriv's */
function boundingSet(unit: string): string {
  const named = /^CapabilityBoundingSet=(.*)$/m.exec(readFileSync(join(ROOT, 'deploy/systemd', unit), 'utf8'))?.[1] ?? ''
  return ['-all', ...named.split(' ').map((name) => `+${name.replace('CAP_', '').toLowerCase()}`)].join(',')
}

/** A mount namespace as ProtectSystem=strict makes it: / is read-only, other file systems (bpffs, cgroups, /proc) are as they were; then the rights of the unit. */
const STRICT =
  'mount --bind /run/kmesh /run/kmesh && mount -o remount,bind,ro / && ! touch /kmg-may-write 2>/dev/null && shift && exec "$@"'

/** For unshare. */
function unitArguments(unit: string, argv: readonly string[]): readonly string[] {
  mkdirSync('/run/kmesh', { recursive: true, mode: 0o700 })
  const limited = ['setpriv', '--no-new-privs', `--bounding-set=${boundingSet(unit)}`, '--inh-caps=-all', ...argv]
  return ['--mount', 'sh', '-c', STRICT, 'sh', '-', ...limited]
}

function asUnit(unit: string, argv: readonly string[]): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('unshare', unitArguments(unit, argv), { encoding: 'utf8' })
  return { status, said: stdout + stderr }
}

/** As root. */
function run(...args: readonly string[]): void {
  const [program, ...rest] = command('kmesh-runtime')
  const { status, stderr } = spawnSync(program, [...rest, ...args, '--instance', INSTANCE], { encoding: 'utf8' })
  assert.is(status, 0, `${args[0]}: ${stderr}`)
}

test('watch applies with the rights of its unit, on a file system that it cannot write', async () => {
  ensureBpffs()
  const cgroup = makeCgroup('kmg')
  const { bytes } = await governedArtifact([{ name: 'shop', address: '127.67.0.60', port: 80, endpoints: ['127.67.1.1:8080'] }])
  writeFileSync(join(drop, 'a.tar'), bytes)
  const watch = [...command('kmesh-runtime'), 'watch', drop, '--once', '--instance', INSTANCE, '--cgroup', cgroup.path]
  try {
    const { status, said } = asUnit('kmesh-watch.service', watch)
    assert.is(status, 0, said)
    assert.match(said, /^applied: /)
    assert.not.match(said, /KM9117|KM9124/, 'namespaces can be looked at')
  } finally {
    run('detach')
    cgroup.remove()
  }
})

test('serve starts its holder with the rights of its unit, and ends it', async () => {
  buildHolder()
  const holders = join(cgroup2Mount(), 'kmesh-holder')
  const cgroup = makeCgroup('kmg')
  run('apply', join(drop, 'a.tar'), '--cgroup', cgroup.path)
  // ExecStartPre of the unit
  mkdirSync(holders, { recursive: true })
  const main = [...command('kmesh-runtime'), 'serve', '--instance', INSTANCE]
  const child = spawn('unshare', unitArguments('kmesh-serve.service', main), { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString()
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  try {
    for (
      let left = 1200;
      !existsSync(join(holders, INSTANCE)) || readFileSync(join(holders, INSTANCE, 'cgroup.procs'), 'utf8') === '';
      left--
    ) {
      assert.ok(left > 0 && child.exitCode === null, said)
      await sleep(50)
    }
    const [holder] = readFileSync(join(holders, INSTANCE, 'cgroup.procs'), 'utf8').split('\n')
    const rights = (): string => readFileSync(`/proc/${holder}/status`, 'utf8')
    // it drops the rest when it has started
    for (let left = 100; left > 0 && !/^CapEff:\s0000008000201000$/m.test(rights()); left--) await sleep(50)
    const status = rights()
    assert.match(status, /^CapEff:\s0000008000201000$/m, 'the holder keeps three of the four')
    assert.match(status, /^NoNewPrivs:\s1$/m)
    child.kill('SIGTERM')
    assert.is(await ended, 0, said)
    assert.not.ok(existsSync(join(holders, INSTANCE)))
  } finally {
    child.kill('SIGKILL')
    run('serve', '--stop')
    run('detach')
    cgroup.remove()
  }
})

test('out of the pod: a process leaves its cgroup namespace and its cgroup, and keeps the rights of the DaemonSet', () => {
  const mount = cgroup2Mount()
  const pod = makeCgroup('kmg-pod')
  // this process stands for the node's first one, which not every sandbox lets anybody look at
  const environment = { ...process.env, KMESH_CGROUP_MOUNT: mount, KMESH_CGROUP_NAMESPACE: `/proc/${process.pid}/ns/cgroup` }
  const place = join(mount, 'kmesh-node')
  // as the first container of the pod does
  const made = existsSync(place) ? 'before' : 'now'
  if (made === 'now') mkdirSync(place)
  try {
    // joins the pod's cgroup, then a cgroup namespace whose root that is, as a container has it
    const inPod = `echo 0 >${join(pod.path, 'cgroup.procs')} && exec unshare --cgroup setpriv --bounding-set=${boundingSet('kmesh-serve.service')} --inh-caps=-all "$@"`
    const asked = (argv: readonly string[]): string => {
      const { stdout, stderr } = spawnSync('sh', ['-c', inPod, 'sh', ...argv], { encoding: 'utf8', env: environment })
      return stdout + stderr
    }
    assert.match(asked(['cat', '/proc/self/cgroup']), /^0::\/$/m, 'inside it believes to be at the root')
    const outside = asked([join(ROOT, 'deploy/outside'), 'cat', '/proc/self/cgroup'])
    assert.match(outside, /^0::\/kmesh-node$/m, outside)
    assert.match(asked([join(ROOT, 'deploy/outside'), 'sh', '-c', 'echo "$1 $2"', 'x', 'a b', 'c']), /^a b c$/m, 'arguments arrive whole')
    assert.match(asked([join(ROOT, 'deploy/outside'), 'grep', 'CapEff', '/proc/self/status']), /^CapEff:\s0000008000281000$/m)
  } finally {
    if (made === 'now') rmdirSync(place)
    pod.remove()
  }
})

test.run()
