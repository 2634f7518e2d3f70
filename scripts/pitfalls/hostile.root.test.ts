/**
 * Hostile use of the runtime: odd files and names, a cgroup or an artifact that goes away in the midst of an apply, pins that somebody removed.
 * What cannot be done is said in one coded line, at once, and nothing is left or half done; what was lost is repaired or refused, never opened.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apply } from '../../runtime/apply.ts'
import { APPLY_STEPS, type ApplyStep } from '../../runtime/apply-request.ts'
import { codedFindings } from '../../runtime/commands/output.ts'
import { detach } from '../../runtime/detach.ts'
import { HOOKS } from '../../runtime/hooks.ts'
import { existingPins } from '../../runtime/place.ts'
import { status } from '../../runtime/status.ts'
import { command } from '../commands.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { kernelView } from '../kit/kernel-view.ts'
import { noMachine } from '../kit/no-machine.ts'
import type { PitfallService } from './services.ts'
import { compiled, makeWorld } from './world.ts'

const PORT = 29600
const INSTANCE = `kmp-hostile-${process.pid}`
const A = { address: '10.1.0.1', port: PORT }
const SERVICE = { address: '10.96.0.1', port: 80 }
const services: readonly PitfallService[] = [{ name: 'tcp', protocol: 'tcp', ...SERVICE, endpoints: [A] }]
const { artifact, bytes } = await compiled(services)
// the service address answers itself, so that falling open would be seen
const world = await makeWorld([A, SERVICE].map((place) => ({ ...place, protocol: 'tcp' })))
const dialer = world.dialer()
const folder = mkdtempSync(join(tmpdir(), 'kmp-'))
undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})
const EMPTY = kernelView(INSTANCE)

/** At most one second longer than a command takes: nothing may wait for somebody who never comes. */
function runtime(...args: readonly string[]): { readonly code: number | null; readonly errors: string } {
  const [file, ...rest] = [...command('kmesh-runtime'), ...args]
  const { status: code, stderr } = spawnSync(file, rest, { encoding: 'utf8', timeout: 20_000 })
  return { code, errors: stderr }
}

test('files that are none, and a pipe that nobody writes to', () => {
  const pipe = join(folder, 'pipe')
  spawnSync('mkfifo', [pipe])
  for (const file of [folder, pipe, '/dev/zero', '/dev/null'])
    assert.equal(runtime('apply', file, '--instance', INSTANCE), {
      code: 1,
      errors: `error KM9001: ${file} is no ordinary file\n  fix Check the name and the permissions.\n`,
    })
})

test('names with anything in them are one line', () => {
  const file = join(folder, 'artifact.tar')
  writeFileSync(file, bytes)
  for (const name of ['../../x', '', '.', 'a/b', 'a\nb', '\u001b[31mred', 'x'.repeat(64), '_mounted', 'ä']) {
    const { code, errors } = runtime('apply', file, '--instance', name)
    assert.is(code, 1)
    assert.match(errors, /^error KM9102: ".*" is no name for an instance: [ -~]+\n {2}fix [ -~]+\n$/, JSON.stringify(name))
    assert.not.match(errors, /\u001b/)
  }
  for (const cgroup of ['/', '', folder, file, join(world.cgroup.path, 'cgroup.procs'), join(folder, 'none'), 'a\nb'])
    assert.match(runtime('apply', file, '--instance', INSTANCE, '--cgroup', cgroup).errors, /^error KM9103: [^\n]+\n {2}fix [^\n]+\n$/)
  assert.equal(kernelView(INSTANCE), EMPTY)
})

interface Outcome {
  readonly codes: readonly string[]
}

async function tryApply(cgroup: string, steps: (step: ApplyStep) => void = () => undefined): Promise<Outcome> {
  try {
    const { warnings } = await apply({ artifact, instance: INSTANCE, cgroup, diverted: 'refuse', mode: 'apply', host: noMachine(), steps })
    return { codes: warnings.map(({ code }) => code) }
  } catch (error) {
    // anything that is no fault of the machine is thrown again
    return { codes: codedFindings(error).map(({ code }) => code) }
  }
}

for (const doomed of APPLY_STEPS.slice(APPLY_STEPS.indexOf('cgroup'))) {
  test(`the cgroup goes away before the step "${doomed}" of a first apply, and comes back`, async () => {
    const path = world.cgroup.child('doomed')
    const { codes } = await tryApply(path, (step) => {
      if (step === doomed) rmdirSync(path)
    })
    const isAttached = existingPins(INSTANCE) !== null
    if (isAttached) {
      assert.is(status(INSTANCE).cgroup.state, 'gone')
      assert.equal(codes, [])
    } else {
      assert.equal(kernelView(INSTANCE), EMPTY)
      assert.is(codes.length, 1)
    }
    mkdirSync(path)
    assert.equal((await tryApply(path)).codes, isAttached ? ['KM9114'] : [])
    assert.is(status(INSTANCE).cgroup.state, 'governed')
    detach(INSTANCE)
    assert.equal(kernelView(INSTANCE), EMPTY)
    rmdirSync(path)
  })
}

const root = (): string => existingPins(INSTANCE)?.pins.root as string
const dial = async (): Promise<object> => {
  const { reached, failed } = await dialer.dial({ protocol: 'tcp', ...SERVICE, count: 2 })
  return { ...reached, ...failed }
}
const toA = { [`${A.address}:${A.port}`]: 2 }

test('state rows that nobody can reach any more: damaged, not made anew under live connections', async () => {
  for (const lost of ['state', 'state/0']) {
    assert.equal((await tryApply(world.cgroup.path)).codes, [])
    rmSync(join(root(), lost), { recursive: true })
    assert.equal((await tryApply(world.cgroup.path)).codes, ['KM9107'])
    assert.throws(() => status(INSTANCE), /misses .*state.0/)
    assert.equal(await dial(), toA, 'what is decided goes on')
    assert.is(detach(INSTANCE).hooks.length, HOOKS.length)
  }
})

test('pins of programs that are gone are made again', async () => {
  assert.equal((await tryApply(world.cgroup.path)).codes, [])
  for (const kind of ['base', 'programs']) {
    for (const digest of readdirSync(join(root(), kind))) {
      const [name] = readdirSync(join(root(), kind, digest)).filter((candidate) => candidate.includes('connect4'))
      rmSync(join(root(), kind, digest, name as string))
      assert.equal((await tryApply(world.cgroup.path)).codes, [], `${kind} ${name}`)
      assert.equal(await dial(), toA)
    }
  }
  detach(INSTANCE)
})

test('links that are gone: status says what is not attached, the next apply attaches it', async () => {
  assert.equal((await tryApply(world.cgroup.path)).codes, [])
  rmSync(join(root(), 'links/connect4'))
  const { warnings, links } = status(INSTANCE)
  assert.equal(
    warnings.map(({ code, message }) => [code, message]),
    [['KM9126', 'not attached: connect4']],
  )
  assert.equal(
    links.filter(({ state }) => state !== 'attached').map(({ hook }) => hook),
    ['connect4'],
  )
  assert.equal((await tryApply(world.cgroup.path)).codes, [])
  assert.equal(status(INSTANCE).warnings, [])
  assert.equal(await dial(), toA)
  detach(INSTANCE)
  assert.not(existsSync(join(world.cgroup.path, 'kmesh')))
})

test.after(() => world.close())
test.run()
