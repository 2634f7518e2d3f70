/** What an apply does to live sockets and learns about the machine: real sockets of governed processes in closed namespaces. */
import { existsSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startBackends } from '../scripts/kit/backend.ts'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { makeNamespace } from '../scripts/kit/namespace.ts'
import { type SocketStep, startSocketHolder, type StepResult } from '../scripts/kit/sockets.ts'
import type { Artifact } from '../proto/artifact/format.ts'
import { apply } from './apply.ts'
import type { ApplyReport } from './apply-request.ts'
import { detach } from './detach.ts'
import { doctor } from './doctor.ts'
import { machine } from './machine.ts'
import { existingPins } from './place.ts'

const INSTANCE = `kmh-machine-${process.pid}`
const PORT = 26301
const SERVICE = '10.96.0.1'
const namespace = await makeNamespace({ addresses: ['10.96.0.0/16', '10.1.0.0/16'] })
const cgroup = makeCgroup('kmh')
const places = [SERVICE, '10.1.0.1', '10.1.0.2'].flatMap((address) =>
  (['tcp', 'udp'] as const).map((protocol) => ({ address, port: PORT, protocol })),
)
const backends = await startBackends(places, { namespace: namespace.path })
const holder = startSocketHolder({ namespace: namespace.path, cgroup: cgroup.path })
const detachOnce = undoAtExit(() => {
  if (existsSync(existingPins(INSTANCE)?.pins.root ?? '')) detach(INSTANCE)
})

const tcp = (endpoint: string) => ({ name: 'tcp', address: SERVICE, port: PORT, endpoints: [`${endpoint}:${PORT}`] })
const udp = (endpoint: string) => ({ ...tcp(endpoint), name: 'udp', protocol: 'udp' as const })
/** The address that was an endpoint before is now a service of its own. */
const former = { name: 'former', address: '10.1.0.1', port: PORT, endpoints: [`10.1.0.2:${PORT}`] }
const first = (await governedArtifact([tcp('10.1.0.1'), udp('10.1.0.1')])).artifact
const second = (await governedArtifact([tcp('10.1.0.2'), udp('10.1.0.2'), former])).artifact

const applied = (artifact: Artifact, existing: 'count' | 'reset'): Promise<ApplyReport> =>
  apply({
    artifact,
    instance: INSTANCE,
    cgroup: cgroup.path,
    diverted: 'refuse',
    mode: 'apply',
    host: machine({ foreign: 'refuse', existing }),
  })

const step = (one: SocketStep): Promise<StepResult> => holder.step(one)

async function connected(name: string, protocol: 'tcp' | 'udp'): Promise<StepResult> {
  await step({ op: 'make', name, protocol, family: 'v4' })
  await step({ op: 'connect', name, address: SERVICE, port: PORT })
  if (protocol === 'udp') await step({ op: 'send', name, text: '?' })
  return step({ op: 'receive', name })
}

const said = (answer: StepResult): string =>
  'ok' in answer && Array.isArray(answer.ok) ? String(answer.ok[0]).trim() : JSON.stringify(answer)

test('connections that are older than the programs are counted, what is decided is not', async () => {
  assert.is(said(await connected('older', 'tcp')), `${SERVICE}:${PORT}`)
  assert.equal((await applied(first, 'count')).sockets, { released: 0, escaped: 1, destroyed: 0 })
  assert.is(said(await connected('governed', 'tcp')), `10.1.0.1:${PORT}`)
  assert.is(said(await connected('resolver', 'udp')), `10.1.0.1:${PORT}`)
  const { sockets, warnings } = await applied(first, 'count')
  assert.equal(sockets, { released: 0, escaped: 1, destroyed: 0 })
  assert.equal(
    warnings.map(({ code }) => code),
    ['KM9117'],
  )
})

test('an endpoint that left: its connected UDP sockets are released, its TCP connections live on and have not escaped', async () => {
  const { sockets } = await applied(second, 'reset')
  assert.equal(sockets, { released: 1, escaped: 1, destroyed: 1 })
  assert.equal(await step({ op: 'receive', name: 'resolver' }), { errno: 'ECONNABORTED' })
  assert.equal(await step({ op: 'receive', name: 'older' }), { errno: 'ECONNABORTED' })
  // its peer is now the address of a service, which from outside looks like an escaped connection
  await step({ op: 'send', name: 'governed', text: 'still there?' })
  assert.is(said(await step({ op: 'receive', name: 'governed' })), `10.1.0.1:${PORT}`)
  await step({ op: 'connect', name: 'resolver', address: SERVICE, port: PORT })
  await step({ op: 'send', name: 'resolver', text: '?' })
  assert.is(said(await step({ op: 'receive', name: 'resolver' })), `10.1.0.2:${PORT}`)
})

test('the doctor tells that service addresses are routed within the machine, and knows our programs', () => {
  const { checks } = doctor()
  const addresses = checks.find(({ name }) => name === `${INSTANCE}: service addresses`)
  assert.is(addresses?.state, 'ok', addresses?.detail)
  assert.match(addresses?.detail ?? '', /^2; none leads out/)
  assert.is(checks.find(({ name }) => name === `other programs on ${cgroup.path}`)?.detail, 'none')
  assert.is(checks.find(({ name }) => name === `${INSTANCE}: cgroup`)?.state, 'ok')
})

test.after(() => {
  detachOnce()
  holder.stop()
  backends.stop()
  cgroup.remove()
  namespace.remove()
})
test.run()
