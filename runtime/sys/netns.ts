/**
 * Network namespaces: which there are, and running a function inside one. In: nothing, or process ids; out: one entry a namespace.
 * Invariant: the thread is back in its own namespace when `insideNamespace` returns or throws; sockets made inside stay in theirs.
 * Without CAP_SYS_ADMIN no other namespace can be entered: that is a result, never an exception.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { CLONE_NEWNET, getSocketOption, setNamespace } from './libc.ts'
import { parseMountinfo } from './mountinfo.ts'
import { isErrno, type SystemError } from './system-error.ts'

export interface NetworkNamespace {
  /** of nsfs: what /proc/PID/ns/net shows */
  readonly inode: number
  /** a file to open for setns: /proc/PID/ns/net, or where the namespace is bound */
  readonly path: string
  /** processes that were looked at and are in it */
  readonly pids: readonly number[]
  readonly whose: 'own' | 'other'
}

export interface NamespaceList {
  /** the thread's own first */
  readonly namespaces: readonly NetworkNamespace[]
  /** processes whose namespace may not be looked at (other user, no CAP_SYS_PTRACE) */
  readonly unreadable: readonly number[]
}

const OWN = '/proc/thread-self/ns/net'

/** Namespaces of these processes, and always the thread's own. */
export function namespacesOf(pids: readonly number[]): NamespaceList {
  const own = inodeOf(OWN)
  const found = new Map<number, { path: string; pids: number[] }>([[own, { path: OWN, pids: [] }]])
  const unreadable: number[] = []
  for (const pid of pids) {
    const path = `/proc/${pid}/ns/net`
    try {
      const inode = inodeOf(path)
      const entry = found.get(inode)
      if (entry === undefined) found.set(inode, { path, pids: [pid] })
      else entry.pids.push(pid)
    } catch (error) {
      if (isErrno(error, 'EACCES', 'EPERM')) unreadable.push(pid)
      else if (!isErrno(error, 'ENOENT', 'ESRCH')) throw error
    }
  }
  const namespaces = [...found].map(([inode, entry]): NetworkNamespace => ({ inode, ...entry, whose: inode === own ? 'own' : 'other' }))
  return { namespaces, unreadable }
}

/** Every namespace that some process is in or that is bound to a file in our mount namespace (`ip netns add`). */
export function allNamespaces(): NamespaceList {
  const list = namespacesOf(allPids())
  const known = new Set(list.namespaces.map(({ inode }) => inode))
  const bound = boundNamespaces(readFileSync('/proc/self/mountinfo', 'utf8')).filter(({ inode }) => !known.has(inode))
  const unique = new Map(bound.map(({ inode, path }): [number, NetworkNamespace] => [inode, { inode, path, pids: [], whose: 'other' }]))
  return { namespaces: [...list.namespaces, ...unique.values()], unreadable: list.unreadable }
}

/** Bound network namespaces in the text of mountinfo: type nsfs, root "net:[4026532123]". */
export function boundNamespaces(mountinfo: string): readonly { readonly inode: number; readonly path: string }[] {
  return parseMountinfo(mountinfo).flatMap(({ type, root, point }) => {
    const inode = /^net:\[(\d+)\]$/.exec(root)?.[1]
    return type === 'nsfs' && inode !== undefined ? [{ inode: Number(inode), path: point }] : []
  })
}

export function allPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function inodeOf(path: string): number {
  const text = readlinkSync(path)
  const inode = /^net:\[(\d+)\]$/.exec(text)?.[1]
  if (inode === undefined) throw new Error(`${path} reads "${text}"`)
  return Number(inode)
}

export type Entered<T> =
  | { readonly kind: 'entered'; readonly value: T }
  | { readonly kind: 'denied'; readonly why: string }
  | { readonly kind: 'gone' }

/**
 * Runs `make` with this thread in the namespace, to create sockets or read /proc/sys there. Keep it short and synchronous.
 * 'denied': no CAP_SYS_ADMIN there; 'gone': its last process has ended.
 */
export function insideNamespace<T>(namespace: NetworkNamespace, make: () => T): Entered<T> {
  if (namespace.whose === 'own') return { kind: 'entered', value: make() }
  let target: number
  try {
    target = openSync(namespace.path, 'r')
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return { kind: 'gone' }
    if (isErrno(error, 'EACCES', 'EPERM')) return { kind: 'denied', why: `${namespace.path}: ${(error as SystemError).code}` }
    throw error
  }
  const own = openSync(OWN, 'r')
  try {
    setNamespace(target, CLONE_NEWNET)
  } catch (error) {
    closeSync(own)
    if (isErrno(error, 'EPERM')) return { kind: 'denied', why: 'entering another network namespace needs CAP_SYS_ADMIN' }
    throw error
  } finally {
    closeSync(target)
  }
  try {
    return { kind: 'entered', value: make() }
  } finally {
    setNamespace(own, CLONE_NEWNET)
    closeSync(own)
  }
}

const SOL_SOCKET = 1
const SO_NETNS_COOKIE = 71

/** The cookie that bpf_get_netns_cookie gives in the namespace of this socket (kernel 5.14). */
export function netnsCookie(fd: number): bigint {
  return getSocketOption(fd, SOL_SOCKET, SO_NETNS_COOKIE, 8).readBigUInt64LE()
}
