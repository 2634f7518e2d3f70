/** `kmeshc watch --apply`: the whole artifact first, then deltas, with the runtime's own command; nothing is dialled. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { detachIfThere } from '../../scripts/commands.ts'
import { resources } from '../../scripts/generate.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { startWatching } from '../../scripts/kit/watching.ts'

const INSTANCE = `kmv-watch-${process.pid}`

test('one endpoint more is a delta, another listener the whole artifact; each is the generation after', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kmeshc-watch-apply-'))
  const cgroup = makeCgroup('kmv-watch')
  const detach = undoAtExit(() => detachIfThere(INSTANCE))
  const file = join(folder, 'snapshot.json')
  const snapshot = `[${[...resources({ services: 3, endpoints: 9, seed: 1, network: 10 })].map((one) => JSON.stringify(one)).join(',')}]`
  writeFileSync(file, snapshot)
  const watching = startWatching([file, '--apply', '--', '--instance', INSTANCE, '--cgroup', cgroup.path])
  const next = async (): Promise<unknown> => {
    const event = await watching.event()
    if (event.event !== 'compiled' || event.applied === undefined) throw new Error(JSON.stringify(event))
    const { milliseconds: _, ...applied } = event.applied
    return applied
  }
  assert.equal(await next(), { kind: 'applied', form: 'artifact', generation: 1 })
  const more = snapshot.replace(
    '"lbEndpoints":[',
    '"lbEndpoints":[{"endpoint":{"address":{"socketAddress":{"address":"10.9.9.9","portValue":1}}}},',
  )
  writeFileSync(file, more)
  assert.equal(await next(), { kind: 'applied', form: 'delta', generation: 2 })
  writeFileSync(file, snapshot)
  assert.equal(await next(), { kind: 'applied', form: 'delta', generation: 3 })
  writeFileSync(file, snapshot.replaceAll('10.96.0.1"', '10.96.0.77"'))
  assert.equal(await next(), { kind: 'applied', form: 'artifact', generation: 4 })
  assert.is(await watching.end('SIGTERM'), 0)
  detach()
  cgroup.remove()
  rmSync(folder, { recursive: true, force: true })
})

test.run()
