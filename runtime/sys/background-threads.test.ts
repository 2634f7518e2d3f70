import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { letMainThreadRun } from './background-threads.ts'

const SCHED_OTHER = 0
const SCHED_BATCH = 3

/** Field `policy` of /proc/PID/task/TID/stat, the 41st; the name in parentheses may hold blanks. */
function policies(): readonly { readonly main: boolean; readonly policy: number }[] {
  return readdirSync('/proc/self/task').map((thread) => {
    const fields = readFileSync(`/proc/self/task/${thread}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
    return { main: Number(thread) === process.pid, policy: Number(fields[38]) }
  })
}

test('all threads but the main one wait for a CPU instead of taking it', () => {
  assert.ok(policies().length > 1)
  assert.ok(policies().every(({ policy }) => policy === SCHED_OTHER))
  letMainThreadRun()
  for (const { main, policy } of policies()) assert.is(policy, main ? SCHED_OTHER : SCHED_BATCH)
})

test.run()
