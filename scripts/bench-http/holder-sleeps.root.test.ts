import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { holderCgroup } from '../../runtime/serve/holder-place.ts'
import { runLoad } from './client.ts'
import { SMALL } from './requests.ts'
import { makeWorld } from './world.ts'

/** How often the processes of a cgroup went to sleep of their own accord so far. */
function sleeps(cgroup: string): number {
  const pids = readFileSync(join(cgroup, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter((pid) => pid !== '')
  return pids.reduce(
    (sum, pid) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
    0,
  )
}

test('answers of servers on another node do not wake the holder', async () => {
  const world = await makeWorld({ name: 'other', contestants: ['kmesh'], routes: 0 })
  const kmesh = world.contestants.find(({ name }) => name === 'kmesh')
  assert.equal(world.skipped, [])
  assert.ok(kmesh !== undefined && world.instance !== undefined)
  const load = { client: 'dial', mode: 'keepalive', connections: 4, requests: SMALL } as const
  // the pool grows meanwhile
  runLoad(world.folder, kmesh.target, kmesh.place, load, 0.5)
  const holder = holderCgroup(world.instance)
  const before = sleeps(holder)
  const { requests, failed } = runLoad(world.folder, kmesh.target, kmesh.place, load, 0.5)
  const woken = sleeps(holder) - before
  world.close()
  assert.is(failed, 0)
  assert.ok(requests > 500, `${requests} requests`)
  assert.ok(woken < requests / 10, `woken ${woken} times by ${requests} requests`)
})

test.run()
