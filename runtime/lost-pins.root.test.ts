import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startBackends } from '../scripts/kit/backend.ts'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { startDialer } from '../scripts/kit/dialer.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import { apply } from './apply.ts'
import { CodedError } from './coded-error.ts'
import { detach } from './detach.ts'
import { namesIn } from './pins.ts'
import { existingPins } from './place.ts'
import { status } from './status.ts'

const INSTANCE = `kmr-lost-${process.pid}`
/** The raw address answers too, so that falling open would be seen. */
const service = { name: 'one', address: '127.96.25.20', port: 25020 }
const { artifact } = await governedArtifact([{ ...service, endpoints: ['127.0.0.1:25021'] }])

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

function code(work: () => unknown): string {
  try {
    work()
    return 'none'
  } catch (error) {
    if (error instanceof CodedError) return error.findings[0]?.code as string
    throw error
  }
}

test('maps whose pins are deleted under traffic: connections are refused, never let through', async () => {
  const cgroup = makeCgroup('kmr')
  const host = noMachine()
  await apply({ artifact, instance: INSTANCE, cgroup: cgroup.path, diverted: 'refuse', mode: 'apply', host })
  const backends = await startBackends(
    [
      { address: '127.0.0.1', port: 25021, protocol: 'tcp' },
      { address: service.address, port: service.port, protocol: 'tcp' },
    ],
    {},
  )
  const dialer = startDialer({ cgroup: cgroup.path })
  const dial = { protocol: 'tcp', address: service.address, port: service.port } as const
  assert.equal((await dialer.dial({ ...dial, count: 10 })).reached, { '127.0.0.1:25021': 10 })

  const traffic = dialer.dial({ ...dial, count: 4000 })
  await new Promise((resolve) => setTimeout(resolve, 100))
  const root = existingPins(INSTANCE)?.pins.root as string
  for (const name of namesIn(root)) if (name !== 'links') rmSync(join(root, name), { recursive: true, force: true })
  const during = await traffic
  const after = await dialer.dial({ ...dial, count: 10 })

  assert.is(after.failed.ECONNREFUSED, 10)
  for (const { reached, failed } of [during, after]) {
    assert.is(reached[`${service.address}:${service.port}`], undefined, 'the raw address was never reached')
    assert.equal(
      Object.keys(failed).filter((name) => name !== 'ECONNREFUSED'),
      [],
    )
  }
  assert.ok((during.reached['127.0.0.1:25021'] ?? 0) > 0, 'pins went away in the midst of traffic')

  assert.is(
    code(() => status(INSTANCE)),
    'KM9107',
  )
  const again = await apply({ artifact, instance: INSTANCE, diverted: 'refuse', mode: 'apply', host }).then(
    () => 'none',
    (error: CodedError) => error.findings[0]?.code,
  )
  assert.is(again, 'KM9107')
  assert.is(detach(INSTANCE).hooks.length, 10, 'a damaged instance can be detached')
  dialer.stop()
  backends.stop()
  cgroup.remove()
})

test.run()
