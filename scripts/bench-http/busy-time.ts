/**
 * CPU time of the whole machine, kernel threads and interrupts included. In: nothing; out: microseconds since the machine was started.
 * Of /proc/stat: everything but idle, iowait and what a host took away. Its clock ticks are 10 ms, so spans of less than half a second say little.
 */
import { readFileSync } from 'node:fs'

const TICK = 10_000

export function busyMicroseconds(): number {
  const [, ...numbers] = (readFileSync('/proc/stat', 'latin1').split('\n')[0] as string).trim().split(/\s+/).map(Number)
  // guest time is in user time already
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0] = numbers
  return (user + nice + system + interrupts + softInterrupts) * TICK
}

/** cpu.stat of a cgroup v2 directory and all below it; 0 where it is gone. */
export function cgroupMicroseconds(path: string): number {
  try {
    return Number(/^usage_usec (\d+)/m.exec(readFileSync(`${path}/cpu.stat`, 'latin1'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
