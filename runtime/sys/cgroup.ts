/**
 * cgroup v2 directories: their ids, their subtree, which of two holds the other. In: absolute paths below the cgroup2 mount; out: plain values.
 * The id is the one that links, sockets and bpf_get_current_cgroup_id report; a cgroup made again at the same path has another one (pitfall 19).
 */
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileHandle } from './libc.ts'

/**
 * 64-bit id of a cgroup directory. On 64-bit kernels it is the inode; the file handle is asked where there is one, because it is exact also on
 * 32-bit kernels. Throws (ENOENT) when the directory is gone.
 */
export function cgroupId(path: string): bigint {
  try {
    const handle = fileHandle(path)
    if (handle.length === 8) return handle.readBigUInt64LE(0)
  } catch {
    // a file system without handles, or a path that is gone: stat tells which
  }
  return statSync(path, { bigint: true }).ino
}

export interface Cgroup {
  readonly path: string
  readonly id: bigint
}

/** `path` and every cgroup below it, parents before children. A directory that vanishes meanwhile is left out. */
export function cgroupSubtree(path: string): readonly Cgroup[] {
  const found: Cgroup[] = []
  const visit = (at: string): void => {
    try {
      found.push({ path: at, id: cgroupId(at) })
      for (const entry of readdirSync(at, { withFileTypes: true })) if (entry.isDirectory()) visit(join(at, entry.name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  visit(realpathSync(path))
  return found
}

/** `path` and the cgroups above it up to the mount point, nearest first. */
export function cgroupAncestors(path: string, mountPoint: string): readonly Cgroup[] {
  const found: Cgroup[] = []
  let at = realpathSync(path)
  const top = realpathSync(mountPoint)
  while (at === top || at.startsWith(`${top}/`)) {
    found.push({ path: at, id: cgroupId(at) })
    if (at === top) break
    at = join(at, '..')
  }
  return found
}

export type CgroupRelation = 'same' | 'ancestor' | 'descendant' | 'apart'

/** What `path` is to `other`: its ancestor, its descendant, the same, or neither. Both are real paths. */
export function cgroupRelation(path: string, other: string): CgroupRelation {
  if (path === other) return 'same'
  if (other.startsWith(`${path}/`)) return 'ancestor'
  if (path.startsWith(`${other}/`)) return 'descendant'
  return 'apart'
}
