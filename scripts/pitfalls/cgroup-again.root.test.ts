/**
 * Pitfall 19: a dead cgroup looks alive. Its directory is removed and made again while sockets of it live on: nothing new is governed, `status` says
 * so, the next apply governs the new one, and what the old sockets hold is still given back.
 */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apply } from '../../runtime/apply.ts'
import { detach } from '../../runtime/detach.ts'
import { fillSources } from '../../runtime/fill-sources.ts'
import { status } from '../../runtime/status.ts'
import { namesIn } from '../../runtime/pins.ts'
import { existingPins } from '../../runtime/place.ts'
import { HOOKS } from '../../runtime/hooks.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { noMachine } from '../kit/no-machine.ts'
import { startSocketHolder } from '../kit/sockets.ts'
import type { PitfallService } from './services.ts'
import { compiled, liveOf, makeWorld } from './world.ts'

const PORT = 29190
const SERVICE = { address: '10.96.0.1', port: 80 }
const A = { address: '10.1.0.1', port: PORT }
const both = ['tcp', 'udp'] as const
const services = both.map((protocol): PitfallService => ({ name: protocol, protocol, ...SERVICE, endpoints: [A] }))
const world = await makeWorld(both.flatMap((protocol) => [A, SERVICE].map((place) => ({ ...place, protocol }))))
const { artifact } = await compiled(services)
const INSTANCE = `${world.instance}-again`
const path = world.cgroup.child('unit')
const elsewhere = world.cgroup.child('elsewhere')
let applied = false
const end = undoAtExit(() => {
  if (applied) detach(INSTANCE)
})
const ok = { ok: null }

const applyAgain = async (): Promise<readonly string[]> => {
  applied = true
  const host = noMachine({ fillSources })
  const { warnings } = await apply({ artifact, instance: INSTANCE, cgroup: path, diverted: 'refuse', mode: 'apply', host })
  return warnings.map(({ code }) => code)
}
const live = (): Readonly<Record<string, number>> => liveOf(status(INSTANCE))
const counts = (count: number) =>
  Object.fromEntries(both.flatMap((name) => [name, `${name} ${A.address}:${A.port}`]).map((key) => [key, count]))

async function connected(count: number) {
  const holder = startSocketHolder({ namespace: world.namespace.path, cgroup: path })
  undoAtExit(holder.stop)
  for (const protocol of both) {
    for (let index = 0; index < count; index++) {
      await holder.step({ op: 'make', name: `${protocol}${index}`, protocol, family: 'v4' })
      assert.equal(await holder.step({ op: 'connect', name: `${protocol}${index}`, ...SERVICE }), ok)
    }
  }
  return holder
}

/** The cgroup goes, its processes and their sockets do not. */
function madeAgain(pid: number): void {
  writeFileSync(join(elsewhere, 'cgroup.procs'), String(pid))
  rmdirSync(path)
  mkdirSync(path)
}

test('sockets of the cgroup that is gone are given back where they were counted, after one renewal and after two', async () => {
  assert.equal(await applyAgain(), [])
  const first = await connected(2)
  madeAgain(first.pid)
  assert.is(status(INSTANCE).cgroup.state, 'made-again')
  assert.equal(await applyAgain(), ['KM9114'])
  assert.is(status(INSTANCE).cgroup.state, 'governed')
  assert.equal(live(), counts(2))
  assert.equal(await first.step({ op: 'peer', name: 'tcp0' }), { ok: `${SERVICE.address}:${SERVICE.port}` })

  const second = await connected(1)
  assert.equal(live(), counts(3))
  madeAgain(second.pid)
  assert.equal(await applyAgain(), ['KM9114'])
  const third = await connected(1)
  assert.equal(live(), counts(4))
  assert.is(links(), 3 * HOOKS.length)

  for (const protocol of both) await first.step({ op: 'close', name: `${protocol}0` })
  await settled(3)
  first.stop()
  await settled(2)
  second.stop()
  await settled(1)
  third.stop()
  await settled(0)
})

const links = (): number => namesIn(existingPins(INSTANCE)?.pins.links ?? '').length

async function settled(count: number): Promise<void> {
  const expected = count === 0 ? {} : counts(count)
  const deadline = Date.now() + 2000
  while (JSON.stringify(live()) !== JSON.stringify(expected) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal(live(), expected)
}

test('links to cgroups that are gone go with their last socket', async () => {
  await applyAgain()
  await applyAgain()
  assert.is(links(), HOOKS.length)
})

test.after(() => {
  end()
  world.close()
})
test.run()
