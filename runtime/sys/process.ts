/**
 * Processes of a cgroup subtree and the sockets they hold. In: a cgroup path; out: process ids, socket inodes.
 * Processes come and go while this reads: whatever vanished meanwhile is left out.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Cgroup } from './cgroup.ts'
import { isErrno } from './system-error.ts'

/** Process ids, ascending, of these cgroups. Those outside our pid namespace (shown as 0) are left out. */
export function processesOf(cgroups: readonly Cgroup[]): readonly number[] {
  const pids = new Set<number>()
  for (const { path } of cgroups) for (const pid of membersOf(path)) if (pid > 0) pids.add(pid)
  return [...pids].sort((a, b) => a - b)
}

/** A threaded cgroup has no cgroup.procs to read, only threads, each of which has its own /proc/TID as well. */
function membersOf(path: string): readonly number[] {
  for (const file of ['cgroup.procs', 'cgroup.threads']) {
    try {
      return readFileSync(join(path, file), 'latin1').split('\n').filter(Boolean).map(Number)
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENODEV')) return []
      if (!isErrno(error, 'EOPNOTSUPP')) throw error
    }
  }
  return []
}

export interface HeldSocket {
  readonly descriptor: number
  readonly inode: number
}

export type HeldSockets =
  | { readonly kind: 'read'; readonly sockets: readonly HeldSocket[] }
  | { readonly kind: 'denied' }
  | { readonly kind: 'gone' }

/** The sockets among a process's descriptors. */
export function heldSockets(pid: number): HeldSockets {
  const directory = `/proc/${pid}/fd`
  const sockets: HeldSocket[] = []
  try {
    for (const name of readdirSync(directory)) {
      const inode = socketInode(`${directory}/${name}`)
      if (inode !== undefined) sockets.push({ descriptor: Number(name), inode })
    }
  } catch (error) {
    if (isErrno(error, 'EACCES', 'EPERM')) return { kind: 'denied' }
    if (isErrno(error, 'ENOENT', 'ESRCH')) return { kind: 'gone' }
    throw error
  }
  return { kind: 'read', sockets }
}

function socketInode(path: string): number | undefined {
  try {
    const target = readlinkSync(path)
    return target.startsWith('socket:[') ? Number(target.slice(8, -1)) : undefined
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
}

/** "name" of /proc/PID/comm; '' when it has ended. */
export function processName(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}
