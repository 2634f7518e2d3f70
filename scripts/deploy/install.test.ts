/** What deploy/install puts onto a node, and its units, without a node. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CAPABILITY_NEEDS } from '../../runtime/sys/capabilities.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const test = suite('install')
const root = mkdtempSync(join(tmpdir(), 'kmeshc-install-'))
const at = (...names: readonly string[]): string => join(root, ...names)
const UNITS = ['kmesh-watch.service', 'kmesh-serve.service', 'kmesh.slice']
const RIGHTS = CAPABILITY_NEEDS.map(({ capability }) => capability)

function install(...args: readonly string[]): void {
  execFileSync(join(ROOT, 'deploy/install'), ['--root', root, ...args], { stdio: 'pipe' })
}

/** Every symbolic link below a directory leads somewhere inside of the root. */
function danglingLinks(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path).isSymbolicLink() && (readlinkSync(path).startsWith('/') || !existsSync(path)))
}

test.after(() => rmSync(root, { recursive: true, force: true }))

test('what is installed runs, from wherever it lies', () => {
  install()
  for (const name of ['kmeshc', 'kmesh-runtime'])
    assert.match(execFileSync(at('usr/bin', name), ['--version'], { encoding: 'utf8', cwd: root }), /^\d+\.\d+\.\d+\n$/, name)
  const { status, stdout } = spawnSync(at('usr/bin/kmeshc'), ['check', join(ROOT, 'fixtures/demo/canary-10.json')], {
    encoding: 'utf8',
    cwd: root,
  })
  assert.is(status, 0, stdout)
  assert.ok(existsSync(at('usr/lib/kmesh/dist/runtime/holder/kmesh-holder.gen.bin')))
  assert.equal(danglingLinks(root), [])
  for (const development of ['typescript', 'tsx', 'uvu', '@biomejs'])
    assert.not.ok(existsSync(at('usr/lib/kmesh/node_modules', development)), development)
})

test('the trust policy is there and empty: nothing is taken', () => {
  assert.equal(readdirSync(at('etc/kmesh/trust')), [])
  assert.is(statSync(at('etc/kmesh/trust')).mode & 0o022, 0)
  writeFileSync(at('artifact.tar'), 'x'.repeat(1024))
  const { stderr } = spawnSync(at('usr/bin/kmesh-runtime'), ['apply', 'artifact.tar'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, KMESH_TRUST: at('etc/kmesh/trust') },
  })
  assert.match(stderr, /^error KM9016/)
})

test('configuration stays through an upgrade and a removal, and goes with --purge', () => {
  writeFileSync(at('etc/kmesh/kmesh.conf'), 'KMESH_SOURCE=/elsewhere\n')
  writeFileSync(at('etc/kmesh/trust/a.pem'), 'a key')
  writeFileSync(at('usr/lib/kmesh/left-over'), '')
  install()
  assert.not.ok(existsSync(at('usr/lib/kmesh/left-over')))
  assert.is(readFileSync(at('etc/kmesh/kmesh.conf'), 'utf8'), 'KMESH_SOURCE=/elsewhere\n')
  install('--remove')
  for (const gone of ['usr/lib/kmesh', 'usr/bin/kmeshc', 'usr/bin/kmesh-runtime', ...UNITS.map((unit) => `lib/systemd/system/${unit}`)])
    assert.not.ok(lstatSync(at(gone), { throwIfNoEntry: false }), gone)
  assert.equal(readdirSync(at('etc/kmesh')).sort(), ['kmesh.conf', 'trust'])
  install('--purge')
  assert.not.ok(existsSync(at('etc/kmesh')))
  assert.is(spawnSync(join(ROOT, 'deploy/install'), ['--nonsense']).status, 2)
})

/** A unit's settings; a key may be there more than once. */
function settings(unit: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const line of readFileSync(join(ROOT, 'deploy/systemd', unit), 'utf8').split('\n')) {
    const [, key, value] = /^([A-Z]\w*)=(.*)$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) found.set(key, [...(found.get(key) ?? []), value])
  }
  return found
}

test('systemd understands the units', () => {
  const there = at('systemd')
  const units = join(there, 'lib/systemd/system')
  mkdirSync(units, { recursive: true })
  for (const program of ['usr/bin/kmesh-runtime', 'bin/mkdir']) {
    mkdirSync(dirname(join(there, program)), { recursive: true })
    writeFileSync(join(there, program), '#!/bin/sh\n', { mode: 0o755 })
  }
  // what every system has, without being one
  for (const target of ['sysinit', 'shutdown', 'basic', 'multi-user', 'network-online', 'slices'])
    writeFileSync(join(units, `${target}.target`), '[Unit]\n')
  for (const unit of UNITS) cpSync(join(ROOT, 'deploy/systemd', unit), join(units, unit))
  const verify = (...names: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [`--root=${there}`, 'verify', ...names], { encoding: 'utf8' })
    return `${status} ${stdout}${stderr}`
  }
  assert.is(verify(...UNITS), '0 ')
  writeFileSync(join(units, 'broken.service'), readFileSync(join(units, 'kmesh-watch.service'), 'utf8').replace('Restart=', 'Restarts='))
  assert.match(verify('broken.service'), /Unknown key(?: name)? 'Restarts'/)
  for (const unit of ['kmesh-watch.service', 'kmesh-serve.service']) {
    const { status, stdout } = spawnSync('systemd-analyze', [`--root=${there}`, '--offline=true', '--threshold=45', 'security', unit], {
      encoding: 'utf8',
    })
    assert.is(status, 0, `${unit}: ${stdout.split('\n').slice(-3).join('')}`)
  }
})

test('the units name the trust policy and the rights, and no others', () => {
  for (const unit of ['kmesh-watch.service', 'kmesh-serve.service']) {
    const of = settings(unit)
    assert.match(of.get('Environment')?.[0] ?? '', /^KMESH_TRUST=\/etc\/kmesh\/trust /, unit)
    assert.equal((of.get('CapabilityBoundingSet')?.[0] ?? '').split(' '), RIGHTS, unit)
    assert.equal(of.get('NoNewPrivileges'), ['yes'])
    assert.equal(of.get('RuntimeDirectoryPreserve'), ['yes'], 'the holder outlives both')
  }
  assert.equal(settings('kmesh-serve.service').get('KillSignal'), ['SIGHUP'], 'which leaves the holder')
})

test('the Dockerfile copies what there is, and needs what the setup installs', () => {
  const text = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8').replaceAll('\\\n', ' ')
  for (const [, from, names = ''] of text.matchAll(/^COPY (--from=\S+ )?(.+) \S+$/gm))
    if (from === undefined) for (const name of names.split(' ')) assert.ok(existsSync(join(ROOT, name)), name)
  const known = /packages=\(([^)]*)\)/.exec(readFileSync(join(ROOT, 'scripts/setup'), 'utf8'))?.[1]?.split(/\s+/) ?? []
  for (const [, names = ''] of text.matchAll(/--no-install-recommends ([^&]+) &&/g))
    for (const name of names.trim().split(/\s+/)) assert.ok(known.includes(name) || name === 'python3', name)
  assert.match(text, /^STOPSIGNAL SIGHUP$/m)
  assert.match(text, /^ENV KMESH_TRUST=\/etc\/kmesh\/trust$/m)
  for (const path of ['deploy/install', 'deploy/outside']) assert.is(statSync(join(ROOT, path)).mode & 0o111, 0o111, path)
})

test.run()
