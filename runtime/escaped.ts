/**
 * Live sockets that escaped governance (pitfall 18): the socket's cgroup decides, not its process's, and a connection is decided once, when it is made.
 *
 *   open-before   the socket is governed, its connection to a governed address is older than the programs
 *   moved         a governed process made it before it joined the cgroup
 *   inherited     the same, but a process outside the cgroup holds it too (inherited or passed in)
 *
 * In: the governed cgroup and the addresses that it governs; out: counts, the sockets, and what could not be looked at. Of moved and inherited sockets
 * those count that lead to a governed address, and unconnected UDP sockets on an ephemeral port, which may send to one at any time. Accepted
 * connections and closing ones do not count: nobody dials with them. Not seen: sockets that are neither connected
 * nor bound, and raw, packet, AF_XDP and SCTP sockets, which are never governed.
 * Cost: one dump of each namespace's sockets, and the descriptors of governed processes when a candidate turned up.
 * Where the instance can be asked what it decided (GovernedAddresses.decided), that has the last word.
 */
import { readFileSync } from 'node:fs'
import type { GovernedAddresses } from './governed-addresses.ts'
import { placeKey } from './socket-address.ts'
import { surveySockets } from './socket-survey.ts'
import { cgroupSubtree } from './sys/cgroup.ts'
import { allPids, insideNamespace, type NetworkNamespace } from './sys/netns.ts'
import { openForeignDescriptors } from './sys/pidfd.ts'
import { heldSockets, processesOf, processName } from './sys/process.ts'
import { type Destroyed, isConnected, type LiveSocket, openSocketDiag, type SocketDiag } from './sys/socket-diag.ts'

export type EscapeKind = 'open-before' | 'moved' | 'inherited'

export interface EscapedSocket {
  readonly kind: EscapeKind
  readonly socket: LiveSocket
  readonly namespace: NetworkNamespace
  /** governed processes that hold it */
  readonly holders: readonly { readonly pid: number; readonly name: string }[]
}

export interface EscapeReport {
  readonly counts: Readonly<Record<EscapeKind, number>>
  readonly sockets: readonly EscapedSocket[]
  /** one line each: namespaces and processes that may not be looked at */
  readonly limits: readonly string[]
}

interface Candidate {
  readonly socket: LiveSocket
  readonly namespace: NetworkNamespace
}

export function findEscaped(cgroupPath: string, governed: GovernedAddresses): EscapeReport {
  const subtree = cgroupSubtree(cgroupPath)
  const ids = new Set(subtree.map(({ id }) => id))
  const pids = processesOf(subtree)
  const early = new Map<number, Candidate>()
  const candidates = new Map<number, Candidate>()
  const limits = [
    ...surveySockets((namespace, diag) => {
      const rows = [...diag.dump('tcp'), ...diag.dump('udp')]
      const mayDial = dialling(rows, namespace, governed)
      for (const socket of rows) {
        if (!mayDial(socket)) continue
        if (!ids.has(socket.cgroup)) candidates.set(socket.inode, { socket, namespace })
        else if (isConnected(socket)) early.set(socket.inode, { socket, namespace })
      }
    }),
  ]
  const held = holdersAmong([early, candidates], pids, limits)
  const sockets: EscapedSocket[] = []
  const add = (kind: EscapeKind, candidate: Candidate, places: readonly HeldPlace[]): void => {
    sockets.push({
      kind,
      ...candidate,
      holders: [...new Set(places.map(({ pid }) => pid))].map((pid) => ({ pid, name: processName(pid) })),
    })
  }
  for (const [inode, candidate] of undecided(early, held, governed, limits)) add('open-before', candidate, held.get(inode) ?? [])
  const loose = [...candidates].filter(([inode]) => held.has(inode))
  const outside = heldOutside(new Set(loose.map(([inode]) => inode)), pids)
  for (const [inode, candidate] of loose) add(outside.has(inode) ? 'inherited' : 'moved', candidate, held.get(inode) ?? [])
  const count = (kind: EscapeKind): number => sockets.filter((entry) => entry.kind === kind).length
  return { counts: { 'open-before': count('open-before'), moved: count('moved'), inherited: count('inherited') }, sockets, limits }
}

const DIALLING_STATES: ReadonlySet<string> = new Set(['SYN_SENT', 'ESTABLISHED', 'CLOSE_WAIT'])

/** Whether a socket leads to a governed address, or, unconnected, may at any time. */
function dialling(rows: readonly LiveSocket[], namespace: NetworkNamespace, governed: GovernedAddresses): (socket: LiveSocket) => boolean {
  const listening = new Set(rows.filter(({ state }) => state === 'LISTEN').flatMap(listeningKeys))
  const accepted = (socket: LiveSocket): boolean =>
    listening.has(placeKey(0, socket.source, socket.sourcePort)) || listening.has(String(socket.sourcePort))
  let range: PortRange | undefined
  return (socket) => {
    if (socket.inode === 0) return false
    if (isConnected(socket)) {
      if (!governed.governs(socket.protocol, socket.peer, socket.peerPort)) return false
      return socket.protocol === 'udp' || (DIALLING_STATES.has(socket.state) && !accepted(socket))
    }
    if (socket.protocol !== 'udp') return false
    range ??= ephemeralPorts(namespace)
    return socket.sourcePort >= range.first && socket.sourcePort <= range.last
  }
}

/** A listener on all addresses is known by its port alone. */
function listeningKeys(socket: LiveSocket): readonly string[] {
  const everywhere = socket.source.subarray(0, 10).every((byte) => byte === 0) && socket.source.subarray(12).every((byte) => byte === 0)
  return everywhere ? [String(socket.sourcePort)] : [placeKey(0, socket.source, socket.sourcePort)]
}

interface PortRange {
  readonly first: number
  readonly last: number
}

const DEFAULT_RANGE: PortRange = { first: 32768, last: 60999 }

/** ip_local_port_range of the namespace; the kernel's default where it may not be read. */
function ephemeralPorts(namespace: NetworkNamespace): PortRange {
  const entered = insideNamespace(namespace, () => readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1'))
  if (entered.kind !== 'entered') return DEFAULT_RANGE
  const [first, last] = entered.value.trim().split(/\s+/).map(Number)
  return first === undefined || last === undefined ? DEFAULT_RANGE : { first, last }
}

interface HeldPlace {
  readonly pid: number
  readonly descriptor: number
}

type Held = ReadonlyMap<number, readonly HeldPlace[]>

/** Which processes hold the candidates, by inode. */
function holdersAmong(candidates: readonly ReadonlyMap<number, Candidate>[], pids: readonly number[], limits: string[]): Held {
  const held = new Map<number, HeldPlace[]>()
  if (candidates.every(({ size }) => size === 0)) return held
  let denied = 0
  for (const pid of pids) {
    const read = heldSockets(pid)
    if (read.kind === 'denied') denied++
    if (read.kind !== 'read') continue
    for (const { inode, descriptor } of read.sockets) {
      if (!candidates.some((one) => one.has(inode))) continue
      const places = held.get(inode)
      if (places === undefined) held.set(inode, [{ pid, descriptor }])
      else places.push({ pid, descriptor })
    }
  }
  if (denied > 0) limits.push(`the descriptors of ${denied} governed processes may not be read (CAP_SYS_PTRACE)`)
  return held
}

/**
 * Those that the instance did not decide. An endpoint that left since, below a wildcard listener, looks like an escaped connection from outside:
 * so what the instance remembers of the socket has the last word, and a socket that cannot be asked is not counted.
 */
function undecided(
  early: ReadonlyMap<number, Candidate>,
  held: Held,
  governed: GovernedAddresses,
  limits: string[],
): readonly (readonly [number, Candidate])[] {
  const { decided } = governed
  if (decided === undefined || early.size === 0) return [...early]
  const descriptors = openForeignDescriptors()
  let unknown = 0
  const left = [...early].filter(([inode]) => {
    for (const { pid, descriptor } of held.get(inode) ?? []) {
      const answer = descriptors.use(pid, descriptor, decided)
      if (answer !== undefined) return answer === 'no'
    }
    unknown++
    return false
  })
  descriptors.close()
  if (unknown > 0) limits.push(`whether ${unknown} connections are older than the programs cannot be found out (CAP_SYS_PTRACE)`)
  return left
}

function heldOutside(inodes: ReadonlySet<number>, governedPids: readonly number[]): ReadonlySet<number> {
  const outside = new Set<number>()
  if (inodes.size === 0) return outside
  const governed = new Set(governedPids)
  for (const pid of allPids()) {
    if (governed.has(pid)) continue
    const read = heldSockets(pid)
    if (read.kind === 'read') for (const { inode } of read.sockets) if (inodes.has(inode)) outside.add(inode)
  }
  return outside
}

export interface ResetReport {
  readonly destroyed: number
  /** still there: no CAP_NET_ADMIN, no CAP_SYS_ADMIN for its namespace, or a kernel without INET_DIAG_DESTROY */
  readonly remaining: readonly { readonly escaped: EscapedSocket; readonly why: Exclude<Destroyed, 'destroyed' | 'gone'> }[]
}

/** SOCK_DESTROY for each: a TCP peer gets a reset, the holder ECONNABORTED. */
export function resetEscaped(sockets: readonly EscapedSocket[]): ResetReport {
  const tables = new Map<number, SocketDiag | undefined>()
  const remaining: ResetReport['remaining'][number][] = []
  let destroyed = 0
  for (const escaped of sockets) {
    const { namespace, socket } = escaped
    if (!tables.has(namespace.inode)) {
      const opened = openSocketDiag(namespace)
      tables.set(namespace.inode, opened.kind === 'entered' ? opened.value : undefined)
    }
    const result = tables.get(namespace.inode)?.destroy(socket) ?? 'denied'
    if (result === 'destroyed') destroyed++
    else if (result !== 'gone') remaining.push({ escaped, why: result })
  }
  for (const table of tables.values()) table?.close()
  return { destroyed, remaining }
}
