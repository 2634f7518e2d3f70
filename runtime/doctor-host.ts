/**
 * File systems, sockets and programs of others. In: the machine; out: checks, and a throwaway cgroup for the program checks.
 */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, found, missing, type Subject } from './doctor-check.ts'
import { foreignPrograms } from './foreign.ts'
import { ownCapabilities } from './sys/capabilities.ts'
import { BPFFS, findBpffs, findCgroup2 } from './sys/mountinfo.ts'
import { namespacesOf } from './sys/netns.ts'
import { openSocketDiag, type Protocol } from './sys/socket-diag.ts'
import { isErrno } from './sys/system-error.ts'

/** Runs `work` with an empty cgroup that is gone afterwards; null where none can be made. */
export function withThrowawayCgroup<T>(work: (path: string | null, why: string) => T): T {
  const mountPoint = findCgroup2()
  if (mountPoint === undefined) return work(null, 'no cgroup2 file system is mounted')
  const path = join(mountPoint, `kmesh-doctor-${process.pid}`)
  try {
    mkdirSync(path)
  } catch (error) {
    return work(null, `${mountPoint} is not writable: ${(error as NodeJS.ErrnoException).code}`)
  }
  try {
    return work(path, '')
  } finally {
    rmdirSync(path)
  }
}

export function fileSystemChecks(cgroup: string | null, why: string): readonly Check[] {
  const subject: Subject = { group: 'file systems', name: 'cgroup v2', level: 'required', code: 'KM9204' }
  return [
    cgroup === null ? missing(subject, why, findCgroup2() === undefined ? 'missing' : 'unknown') : found(subject, findCgroup2() ?? ''),
    bpffsCheck(),
  ]
}

function bpffsCheck(): Check {
  const subject: Subject = { group: 'file systems', name: 'bpffs', level: 'required', code: 'KM9205' }
  const path = findBpffs()
  if (path !== undefined) return found(subject, path)
  if (!ownCapabilities().has('CAP_SYS_ADMIN')) return missing(subject, 'none is mounted, and mounting one needs CAP_SYS_ADMIN')
  return found(subject, `none is mounted; apply mounts one${existsSync(BPFFS) ? ` at ${BPFFS}` : ''}`)
}

export function socketChecks(): readonly Check[] {
  return (['tcp', 'udp'] as const).map(destroyCheck)
}

/** Asks for the end of a socket that does not exist: a kernel that can says so, one that cannot says that it cannot. */
function destroyCheck(protocol: Protocol): Check {
  const subject: Subject = { group: 'sockets', name: `destroy ${protocol} sockets`, level: 'recommended', code: 'KM9210' }
  const own = namespacesOf([]).namespaces[0]
  try {
    const opened = own === undefined ? { kind: 'gone' as const } : openSocketDiag(own)
    if (opened.kind !== 'entered') return missing(subject, 'the socket tables cannot be opened', 'unknown')
    try {
      const result = opened.value.destroyNobody(protocol)
      if (result === 'gone') return found(subject, 'SOCK_DESTROY')
      return result === 'denied'
        ? missing(subject, 'may not be tried: needs CAP_NET_ADMIN', 'unknown')
        : missing(subject, 'the kernel has no SOCK_DESTROY')
    } finally {
      opened.value.close()
    }
  } catch (error) {
    return missing(subject, `the socket tables cannot be opened: ${(error as Error).message}`)
  }
}

/** Programs of others on our hooks, for each governed cgroup, or, where nothing is governed, for the top one. */
export function hookChecks(governed: readonly { readonly path: string; readonly ours: ReadonlySet<number> }[]): readonly Check[] {
  const mountPoint = findCgroup2()
  if (mountPoint === undefined) return []
  const places = governed.length > 0 ? governed : [{ path: mountPoint, ours: new Set<number>() }]
  return places.map(({ path, ours }) => {
    const subject: Subject = { group: 'hooks', name: `other programs on ${path}`, level: 'recommended', code: 'KM9212' }
    try {
      const others = foreignPrograms(path, mountPoint, ours)
      if (others.length === 0) return found(subject, 'none')
      const shown = others
        .slice(0, 8)
        .map(({ hook, name, id, cgroup, order }) => `${name === '' ? 'program' : name} (${id}) on ${hook} of ${cgroup}, ${order} ours`)
      return missing(subject, `${others.length}: ${shown.join('; ')}${others.length > shown.length ? '; ...' : ''}`)
    } catch (error) {
      if (!isErrno(error, 'EPERM', 'EACCES', 'ENOENT')) throw error
      return missing(subject, `may not be queried: ${(error as NodeJS.ErrnoException).code}`, 'unknown')
    }
  })
}
