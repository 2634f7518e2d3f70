/**
 * The network namespaces of governed processes: in each of them the holder accepts. In: the governed cgroup, looked at again and again; out: `listen` for those that
 * are new, `forget` for those that have had no process for a while. Invariant: a namespace is known by its inode here and by its cookie there.
 */
import { closeSync, openSync } from 'node:fs'
import { cgroupSubtree } from '../sys/cgroup.ts'
import { type NetworkNamespace, namespacesOf } from '../sys/netns.ts'
import { processesOf } from '../sys/process.ts'
import { isErrno } from '../sys/system-error.ts'
import type { HolderLink } from './holder-link.ts'

export interface Space {
  readonly cookie: bigint
  /** ports on 127.0.0.1 and ::1; 0: the family does not exist there */
  readonly port4: number
  readonly port6: number
}

export interface Spaces {
  /** Looks at once. Resolves with those that were new. */
  look(): Promise<readonly Space[]>
  readonly all: readonly Space[]
}

/** Looks that a namespace may be missing at before it is forgotten: processes come and go. */
const PATIENCE = 10

interface Known {
  readonly space: Space | undefined
  missing: number
  readonly whose: NetworkNamespace['whose']
}

export function createSpaces(cgroup: string, link: HolderLink, trouble: (what: string) => void): Spaces {
  const known = new Map<number, Known>()
  let looking: Promise<readonly Space[]> | undefined

  async function look(): Promise<readonly Space[]> {
    const fresh: Space[] = []
    const { namespaces, unreadable } = namespacesOf(members(cgroup))
    if (unreadable.length > 0) trouble(`the network namespace of ${unreadable.length} processes may not be read (CAP_SYS_PTRACE)`)
    const present = new Set(namespaces.map(({ inode }) => inode))
    for (const namespace of namespaces) {
      const entry = known.get(namespace.inode)
      if (entry !== undefined) {
        entry.missing = 0
        continue
      }
      const space = await listen(namespace)
      if (space === 'gone') continue
      known.set(namespace.inode, { space, missing: 0, whose: namespace.whose })
      if (space !== undefined) fresh.push(space)
    }
    for (const [inode, entry] of known) {
      if (present.has(inode) || entry.whose === 'own') continue
      entry.missing++
      if (entry.missing < PATIENCE) continue
      known.delete(inode)
      if (entry.space !== undefined) link.send('forget', { netns: entry.space.cookie })
    }
    return fresh
  }

  async function listen(namespace: NetworkNamespace): Promise<Space | 'gone' | undefined> {
    let descriptor: number | undefined
    try {
      // the holder may have been started elsewhere than this process: its own namespace is none to assume
      descriptor = openSync(namespace.path, 'r')
      const { message } = await link.ask('listen', {}, [descriptor])
      return { cookie: message.netns, port4: message.port, port6: message.sourcePort }
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ESRCH', 'ECONNRESET')) return 'gone'
      trouble(`nobody accepts in network namespace ${namespace.inode}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    } finally {
      if (descriptor !== undefined) closeSync(descriptor)
    }
  }

  return {
    look: () => {
      looking ??= look().finally(() => {
        looking = undefined
      })
      return looking
    },
    get all() {
      return [...known.values()].flatMap(({ space }) => (space === undefined ? [] : [space]))
    },
  }
}

function members(cgroup: string): readonly number[] {
  try {
    return processesOf(cgroupSubtree(cgroup))
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}
