/**
 * Programs of others on the hooks that we use (pitfall 20). For a socket the programs of its own cgroup run first, then those of each ancestor; on one
 * cgroup in the order in which they were attached. One that runs before ours may have turned the service address into something else.
 *
 * In: a cgroup (governed, or about to be) and the ids of our own programs; out: every other one, with its cgroup and its place in the order.
 * Invariant: programs of child cgroups always count as before ours, because they are for the sockets made in there.
 * Querying needs CAP_NET_ADMIN, names need CAP_SYS_ADMIN ('' without).
 */
import { closeSync, openSync } from 'node:fs'
import { type Cgroup, cgroupAncestors, cgroupSubtree } from './sys/cgroup.ts'
import { openById } from './sys/libbpf-ids.ts'
import { ATTACH_TYPES, type HookName, queryPrograms } from './sys/libbpf-link.ts'
import { programInfo } from './sys/libbpf-program.ts'
import { isErrno } from './sys/system-error.ts'

export interface ForeignProgram {
  readonly hook: HookName
  readonly id: number
  /** first 15 characters of its name; '' when it may not be read */
  readonly name: string
  /** path of the cgroup that it is attached to */
  readonly cgroup: string
  /** relative to ours; where ours is not attached yet: to where it will be */
  readonly order: 'before' | 'after'
}

export const ALL_HOOKS = Object.keys(ATTACH_TYPES) as readonly HookName[]

/** Ordered by hook, then in the order in which they run. Throws SystemError when the cgroups may not be queried. */
export function foreignPrograms(cgroupPath: string, mountPoint: string, ours: ReadonlySet<number>): readonly ForeignProgram[] {
  const [governed, ...above] = cgroupAncestors(cgroupPath, mountPoint)
  if (governed === undefined) return []
  const below = cgroupSubtree(cgroupPath).slice(1)
  return ALL_HOOKS.flatMap((hook) => {
    const children = below.flatMap((cgroup) =>
      query(cgroup, hook, 'own').map((id) => ({ id, cgroup: cgroup.path, order: 'before' as const })),
    )
    const ids = query(governed, hook, 'effective')
    const own = new Set(query(governed, hook, 'own'))
    const ourPlace = placeOfOurs(ids, own, ours)
    const levels = ids.length > own.size ? above.map((cgroup) => ({ path: cgroup.path, ids: new Set(query(cgroup, hook, 'own')) })) : []
    const effective = ids.map((id, place) => ({
      id,
      cgroup: own.has(id) ? governed.path : (levels.find((level) => level.ids.has(id))?.path ?? mountPoint),
      order: place < ourPlace ? ('before' as const) : ('after' as const),
    }))
    return [...children, ...effective].filter(({ id }) => !ours.has(id)).map((entry) => ({ hook, name: programName(entry.id), ...entry }))
  })
}

/** Where ours runs in the effective order; not attached yet: behind what the cgroup has already. */
function placeOfOurs(effective: readonly number[], own: ReadonlySet<number>, ours: ReadonlySet<number>): number {
  const attached = effective.findIndex((id) => ours.has(id))
  return attached >= 0 ? attached : effective.findLastIndex((id) => own.has(id)) + 1
}

function query(cgroup: Cgroup, hook: HookName, scope: 'own' | 'effective'): readonly number[] {
  let fd: number
  try {
    fd = openSync(cgroup.path, 'r')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
  try {
    return queryPrograms(fd, ATTACH_TYPES[hook], scope)
  } finally {
    closeSync(fd)
  }
}

function programName(id: number): string {
  let fd: number | null = null
  try {
    fd = openById('program', id)
    return fd === null ? '' : programInfo(fd).name
  } catch (error) {
    if (isErrno(error, 'EPERM')) return ''
    throw error
  } finally {
    if (fd !== null) closeSync(fd)
  }
}
