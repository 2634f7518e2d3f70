/**
 * A throwaway cgroup v2 directory. In: a name, unique on the machine by process id and counter; out: its path and `remove`, which also runs
 * when this process ends. Invariant: `remove` ends only the processes inside this cgroup (cgroup.kill), then removes it and what is below it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCgroup2 } from '../../runtime/sys/mountinfo.ts'
import { undoAtExit } from './cleanup.ts'

export interface TestCgroup {
  readonly path: string
  /** A cgroup below this one; it goes with its parent. */
  child(name: string): string
  remove(): void
}

let counter = 0

/** `prefix` says whose it is, for people who look at the machine. */
export function makeCgroup(prefix = 'kmkit'): TestCgroup {
  const mountPoint = findCgroup2()
  if (mountPoint === undefined) throw new Error('no cgroup2 mount')
  const path = join(mountPoint, `${prefix}-${process.pid}-${counter++}`)
  mkdirSync(path)
  const child = (name: string): string => {
    mkdirSync(join(path, name))
    return join(path, name)
  }
  return { path, child, remove: undoAtExit(() => removeCgroup(path)) }
}

function removeCgroup(path: string): void {
  if (!existsSync(path)) return
  emptyCgroup(path)
  removeTree(path)
}

/** Ends whatever runs in a cgroup: one in use cannot be removed. */
export function emptyCgroup(path: string): void {
  writeFileSync(join(path, 'cgroup.kill'), '1')
  waitUntil(() => !readFileSync(join(path, 'cgroup.events'), 'utf8').includes('populated 1'))
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeTree(join(path, entry.name))
  rmdirSync(path)
}

/** At most five seconds, without a turn of the event loop: for the end of a process. */
export function waitUntil(isSo: () => boolean): void {
  const deadline = Date.now() + 5000
  const clock = new Int32Array(new SharedArrayBuffer(4))
  while (!isSo() && Date.now() < deadline) Atomics.wait(clock, 0, 0, 2)
}
