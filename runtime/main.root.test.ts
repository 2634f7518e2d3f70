import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../scripts/commands.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { existingPins } from './place.ts'
import { detach } from './detach.ts'

const INSTANCE = `kmr-main-${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'kmr-'))
undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})
const file = join(folder, 'artifact.tar')
const { bytes } = await governedArtifact([{ name: 'shop', address: '127.96.25.50', port: 80, endpoints: ['127.0.0.1:25051'] }])
writeFileSync(file, bytes)

interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function runtime(...args: readonly string[]): Run {
  const [program, ...rest] = [...command('kmesh-runtime'), ...args]
  return spawnSync(program, rest, { encoding: 'utf8', cwd: folder, input: '' })
}

const ajv = new Ajv({ strict: true, strictRequired: false })
const schemas = new URL('../proto/', import.meta.url)
for (const name of readdirSync(schemas))
  if (name.endsWith('.schema.json')) ajv.addSchema(JSON.parse(readFileSync(new URL(name, schemas), 'utf8')) as object)

/** JSON output that follows the schema of its command. */
function json(schema: string, { stdout }: Run): Record<string, unknown> & { readonly diagnostics: readonly { readonly code: string }[] } {
  const value = JSON.parse(stdout) as Record<string, unknown> & { diagnostics: { code: string }[] }
  assert.ok(ajv.validate(`${schema}.schema.json`, value), `${schema}: ${ajv.errorsText()}`)
  return value
}

const instance = ['--instance', INSTANCE]

test('the life of an instance, in JSON', () => {
  const applied = json('apply', runtime('apply', file, ...instance, '--json'))
  assert.is(applied.generation, 1)
  const again = json('apply', runtime('apply', file, ...instance, '--diverted=pass', '--json'))
  assert.is(again.diverted, 'pass')
  assert.is(json('apply', runtime('apply', file, ...instance, '--dry-run', '--json')).generation, 3)
  const status = json('status', runtime('status', ...instance, '--json'))
  assert.is(status.generation, 2)
  assert.is(status.diverted, 'pass')
  assert.is(status.artifact, applied.artifact)
  const dump = json('dump', runtime('dump', ...instance, '--json'))
  assert.equal(dump.listeners, [
    { address: '127.96.25.50:80', protocol: 'tcp', listener: '127.96.25.50_80', action: { kind: 'cluster', cluster: 'shop' }, matches: [] },
  ])
  assert.equal(dump.clusters, [
    {
      name: 'shop',
      policy: 'ROUND_ROBIN',
      maxConnections: 1024,
      tiers: [{ percent: 100, groups: [{ weight: 1, endpoints: [{ address: '127.0.0.1:25051', weight: 1 }] }] }],
    },
  ])
})

test('exec: in the cgroup, with the streams, exit code and signal of the command', () => {
  const where = runtime('exec', ...instance, '--', 'cat', '/proc/self/cgroup')
  assert.match(where.stdout, new RegExp(`^0::/.*kmesh/${INSTANCE}$`, 'm'))
  const quoted = runtime('exec', ...instance, '--', 'printf', '<%s>', 'a b', '--json', '')
  assert.is(quoted.stdout, '<a b><--json><>')
  assert.is(runtime('exec', ...instance, '--', 'sh', '-c', 'exit 7').status, 7)
  const [program, ...rest] = [...command('kmesh-runtime'), 'exec', ...instance, '--', 'sh', '-c', 'kill -TERM $$']
  assert.is(spawnSync(program, rest).signal, 'SIGTERM')
  const none = runtime('exec', ...instance, '--json', '--', '/no/such/command')
  assert.is(none.status, 1)
  assert.equal(
    json('exec', none).diagnostics.map(({ code }) => code),
    ['KM9120'],
  )
})

test('text for people, and detach', () => {
  const status = runtime('status', ...instance)
  assert.match(status.stdout, /10 attached/)
  assert.match(status.stdout, /127\.0\.0\.1:25051/)
  assert.match(runtime('dump', ...instance).stdout, /listener tcp 127\.96\.25\.50:80 .*\n {2}-> cluster "shop"/)
  const detached = json('detach', runtime('detach', ...instance, '--json'))
  assert.is((detached.hooks as string[]).length, 10)
  assert.is(detached.cgroupRemoved, true)
  assert.not.ok(existsSync(detached.cgroup as string))
})

test('coded errors: exit 1, JSON also then', () => {
  for (const name of ['status', 'dump', 'detach', 'exec']) {
    const run = runtime(name, ...instance, '--json', ...(name === 'exec' ? ['--', 'true'] : []))
    assert.is(run.status, 1, name)
    assert.equal(
      json(name, run).diagnostics.map(({ code }) => code),
      ['KM9106'],
      name,
    )
  }
  const damaged = join(folder, 'damaged.tar')
  const flipped = Uint8Array.from(bytes)
  flipped[bytes.length >> 1] = (flipped[bytes.length >> 1] as number) ^ 1
  for (const [content, code] of [
    [flipped, /^KM90/],
    [bytes.subarray(0, 2000), /^KM90/],
    [Buffer.from('no tar'), /^KM9002$/],
  ] as const) {
    writeFileSync(damaged, content)
    const run = runtime('apply', damaged, ...instance, '--json')
    assert.is(run.status, 1)
    assert.match(json('apply', run).diagnostics[0]?.code as string, code)
  }
  const text = runtime('apply', join(folder, 'none.tar'))
  assert.is(text.status, 1)
  assert.is(text.stdout, '')
  assert.match(text.stderr, /^error KM9001: .*none\.tar.*\n {2}fix /)
})

test('where no bpffs is mounted, one is, and detach unmounts it', () => {
  const [program, ...rest] = command('kmesh-runtime')
  const runtimeText = [program, ...rest].join(' ')
  const count = "grep -c ' - bpf ' /proc/self/mountinfo"
  const script = `for mount in $(awk '/ - bpf /{print $5}' /proc/self/mountinfo); do umount $mount; done
${count}; ${runtimeText} apply ${file} --instance ${INSTANCE}-m >/dev/null; ${count}; ${runtimeText} detach --instance ${INSTANCE}-m >/dev/null; ${count}`
  const { stdout, stderr } = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], { encoding: 'utf8' })
  assert.is(stdout, '0\n1\n0\n', stderr)
})

test('wrong usage: exit 2', () => {
  for (const args of [[], ['frob'], ['apply'], ['exec', ...instance], ['status', '--nope'], ['apply', file, '--diverted=maybe']]) {
    const run = runtime(...args)
    assert.is(run.status, 2, args.join(' '))
    assert.match(run.stderr, /^kmesh-runtime: /, args.join(' '))
  }
  assert.is(runtime('--help').status, 0)
  assert.match(runtime('completion').stdout, /kmesh-runtime/)
})

test.run()
