/**
 * The threads of this process beside its main one, on which V8 compiles and collects garbage. In: nothing; out: they keep their share of the CPUs, but do not take one from whoever runs when they wake up
 * (SCHED_BATCH): that is mostly the main thread that woke them, and it would wait a millisecond. No capability is needed. A thread that has ended meanwhile, or a kernel that refuses, changes nothing.
 */
import { readdirSync } from 'node:fs'
import { bind, LIBC } from './library.ts'

const SCHED_BATCH = 3
/** struct sched_param: a priority, 0 for every policy that is not real-time */
const NO_PRIORITY = Buffer.alloc(4)
const setScheduler = bind<(thread: number, policy: number, parameters: Buffer) => number>(
  LIBC,
  'int sched_setscheduler(int thread, int policy, const void *parameters)',
)

export function letMainThreadRun(): void {
  for (const thread of readdirSync('/proc/self/task').map(Number))
    if (thread !== process.pid) setScheduler(thread, SCHED_BATCH, NO_PRIORITY)
}
