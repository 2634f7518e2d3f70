/**
 * Seats of TCP sockets (bpf/lib/socket.h): each connection leaves its seat, whatever its end, and a socket whose seat is taken is governed just the same.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SEATS, socket as layout } from '../proto/abi.ts'
import { startBackends } from '../scripts/kit/backend.ts'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import { startSocketHolder } from '../scripts/kit/sockets.ts'
import { apply } from './apply.ts'
import { detach } from './detach.ts'
import { fieldOf } from './field.ts'
import { existingPins } from './place.ts'
import { status } from './status.ts'
import { arrayKeys, readAll, updateAll } from './sys/libbpf-map.ts'
import { openTables } from './tables.ts'

const INSTANCE = `kmesh-seats-${process.pid}`
const SERVICE = { name: 'one', address: '127.96.25.30', port: 30900 }
const NOBODY = { name: 'nobody', address: '127.96.25.31', port: 30900 }
const ENDPOINT = '127.0.0.1:30901'
const OWNER = fieldOf(layout, 'owner').offset
/** larger than any cookie that the kernel gives out */
const STRANGER = 2n ** 63n

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})
const { artifact } = await governedArtifact([
  { ...SERVICE, endpoints: [ENDPOINT] },
  { ...NOBODY, endpoints: ['127.0.0.1:30902'] },
])
const cgroup = makeCgroup('kmesh-seats')
await apply({ artifact, instance: INSTANCE, cgroup: cgroup.path, diverted: 'refuse', mode: 'apply', host: noMachine() })
const backends = await startBackends([{ address: '127.0.0.1', port: 30901, protocol: 'tcp' }], {})
const holder = startSocketHolder({ cgroup: cgroup.path })

function withSeats<T>(work: (fd: number) => T): T {
  const tables = openTables((existingPins(INSTANCE) as NonNullable<ReturnType<typeof existingPins>>).pins)
  assert.ok(tables)
  try {
    return work(tables.fd('km_seats'))
  } finally {
    tables.close()
  }
}

function owners(): bigint[] {
  const { values } = withSeats((fd) => readAll(fd, 4, layout.size, SEATS))
  const view = Buffer.from(values)
  return Array.from({ length: SEATS }, (_, seat) => view.readBigUInt64LE(seat * layout.size + OWNER)).filter((owner) => owner !== 0n)
}

function giveAllSeatsTo(owner: bigint): void {
  const values = Buffer.alloc(SEATS * layout.size)
  for (let seat = 0; seat < SEATS; seat++) values.writeBigUInt64LE(owner, seat * layout.size + OWNER)
  withSeats((fd) => updateAll(fd, arrayKeys(SEATS), values, SEATS))
}

function active(): number {
  return status(INSTANCE).clusters.reduce((sum, cluster) => sum + cluster.active, 0)
}

async function connect(name: string, to: { readonly address: string; readonly port: number } = SERVICE): Promise<unknown> {
  await holder.step({ op: 'make', name, protocol: 'tcp', family: 'v4' })
  return await holder.step({ op: 'connect', name, address: to.address, port: to.port })
}

/** Every end that a connection can have; nothing is counted or held after it. */
async function everyEnd(seatsHeld: number): Promise<void> {
  for (const end of ['close', 'abort', 'disconnect'] as const) {
    assert.equal(await connect('a'), { ok: null }, end)
    assert.equal(await holder.step({ op: 'peer', name: 'a' }), { ok: `${SERVICE.address}:${SERVICE.port}` }, end)
    assert.is(active(), 1, end)
    await holder.step({ op: end, name: 'a' })
    if (end === 'disconnect') {
      assert.is(active(), 0, end)
      assert.equal(await holder.step({ op: 'connect', name: 'a', address: SERVICE.address, port: SERVICE.port }), { ok: null })
      assert.is(active(), 1, 'a second connect of one socket')
      await holder.step({ op: 'close', name: 'a' })
    }
    for (let tries = 0; active() > 0 && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.is(active(), 0, end)
  }
  assert.equal(await connect('b', NOBODY), { errno: 'ECONNREFUSED' }, 'nobody listens at the endpoint')
  await holder.step({ op: 'close', name: 'b' })
  assert.is(active(), 0)
  assert.is(owners().length, seatsHeld)
}

test('a connection has a seat while it lives, and leaves it at every end', async () => {
  assert.equal(owners(), [])
  await connect('held')
  assert.is(owners().length, 1)
  await holder.step({ op: 'close', name: 'held' })
  for (let tries = 0; owners().length > 0 && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 5))
  await everyEnd(0)
})

test('no seat is free: socket storage serves as well, and strangers keep their seats', async () => {
  giveAllSeatsTo(STRANGER)
  await everyEnd(SEATS)
  assert.ok(owners().every((owner) => owner === STRANGER))
  giveAllSeatsTo(0n)
})

test.after(() => {
  holder.stop()
  backends.stop()
  detach(INSTANCE)
  cgroup.remove()
})
test.run()
