/**
 * Ends this process when it hangs: an endless loop cannot be ended from inside of its thread. In: how long one step may take. Out: a function that tells that a step begins,
 * and one that ends the watch. When it bites, the number of the step is on standard error.
 */
import { Worker } from 'node:worker_threads'

const THREAD = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const step = new Int32Array(workerData.shared)
let last = -2
setInterval(() => {
  const now = Atomics.load(step, 0)
  if (now === last) {
    writeSync(2, 'case ' + now + ' hangs\\n')
    process.kill(process.pid, 'SIGKILL')
  }
  last = now
}, workerData.limit)
`

export interface Watchdog {
  begin(step: number): void
  end(): Promise<unknown>
}

export function createWatchdog(limitMs: number): Watchdog {
  const shared = new SharedArrayBuffer(4)
  const step = new Int32Array(shared)
  const worker = new Worker(THREAD, { eval: true, workerData: { shared, limit: limitMs }, execArgv: [] })
  return {
    begin: (number) => void Atomics.store(step, 0, number),
    end: () => worker.terminate(),
  }
}
