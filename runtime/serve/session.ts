/**
 * `serve` with one holder, from hello to the end of the line. In: an instance in force, a holder's line, the slow path; out: why it ended.
 * Each second it looks for new network namespaces, several times a second for a new generation.
 */
import { Socket } from 'node:net'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { liveSlot, readRecords, recordDigest } from '../record.ts'
import { closeDescriptor } from '../sys/libc.ts'
import { SystemError } from '../sys/system-error.ts'
import type { OpenInstance } from '../held-generation.ts'
import { openClientRows } from './client-rows.ts'
import { createHanded } from './handed.ts'
import { connectHolder, type HolderLink, type HolderMessage } from './holder-link.ts'
import { holderCgroup } from './holder-place.ts'
import { observeSockets } from './observe.ts'
import type { OpenUpstream, SlowLane } from './slow-lane.ts'
import { createSpaces } from './spaces.ts'

export type SessionEnd =
  /** the holder is gone */
  | 'lost'
  /** it was drained and has ended */
  | 'drained'
  /** another Node serves now, or this one left: nothing is under way here any more */
  | 'left'
  /** the instance was taken out of the kernel */
  | 'detached'

export interface SessionOptions {
  readonly open: OpenInstance
  readonly cgroup: string
  /** cgroups of servers on this node */
  readonly observed: readonly string[]
  readonly lane: (upstream: OpenUpstream, digest: () => string) => SlowLane
  readonly say: (line: string) => void
  /** is the instance still the one that was opened? */
  readonly stillThere: () => boolean
}

export interface Session {
  readonly holder: number
  /** Takes no new connections and ends them all, at most `milliseconds` from now. */
  drain(milliseconds: number): void
  /** Takes no new connections and leaves the holder when its own are done. */
  leave(): void
  readonly ended: Promise<SessionEnd>
}

const LOOK = 1000
const GENERATION = 200
/** Longest that a request of the slow path keeps this process after it left. */
const LEAVE_WITHIN = 60_000
const CONNECT_WITHIN = 30_000

/** null: no holder listens. */
export async function openSession({ open, cgroup, observed, lane, say, stillThere }: SessionOptions): Promise<Session | null> {
  let finish: (end: SessionEnd) => void = () => undefined
  const ended = new Promise<SessionEnd>((resolve) => {
    finish = resolve
  })
  let state: 'serving' | 'draining' | 'leaving' = 'serving'
  const early: { readonly message: HolderMessage; readonly descriptors: readonly number[] }[] = []
  let deliver = (message: HolderMessage, descriptors: readonly number[]): void => {
    early.push({ message, descriptors })
  }
  const link = await connectHolder(open.instance, 'serve', {
    message: (message, descriptors) => deliver(message, descriptors),
    end: () => finish(state === 'serving' ? (stillThere() ? 'lost' : 'detached') : state === 'draining' ? 'drained' : 'left'),
  })
  if (link === null) return null

  const observe = (): void => {
    try {
      observeSockets(open.pins, holderCgroup(open.instance), observed)
    } catch (error) {
      // an apply or a detach at the same moment
      say(`sockets of servers on this node are not observed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  observe()
  let digest = liveDigest(open)
  let slot = liveSlot(open.tables)
  const rows = openClientRows(open)
  const handed = createHanded(link, rows)
  const slow = lane(upstreamOpener(link), () => digest)
  const spaces = createSpaces(cgroup, link, said(say))
  const look = async (): Promise<void> => {
    for (const { cookie, port4, port6 } of await spaces.look())
      say(
        `accepting in network namespace ${cookie}: ${[port4 > 0 ? `127.0.0.1:${port4}` : '', port6 > 0 ? `[::1]:${port6}` : ''].filter(Boolean).join(', ')}`,
      )
  }
  const leave = (): void => {
    if (state !== 'serving') return
    state = 'leaving'
    link.send('leave')
    const from = Date.now()
    const wait = setInterval(() => {
      if (handed.count > 0 && Date.now() - from < LEAVE_WITHIN) return
      clearInterval(wait)
      link.close()
    }, 20)
  }
  deliver = (message, descriptors) => {
    const [first, second] = descriptors
    if (message.kind === 'connection' && first !== undefined) slow.serve(handed.connection(message, first))
    else if (message.kind === 'relay' && first !== undefined && second !== undefined) slow.relay(handed.relay(message, first, second))
    else {
      descriptors.forEach(closeDescriptor)
      if (message.kind === 'replaced') leave()
      if (message.kind === 'wanted') void look().catch(() => undefined)
    }
  }
  for (const { message, descriptors } of early) deliver(message, descriptors)
  await look()

  const timers = [
    setInterval(() => {
      if (state !== 'serving') return
      if (!stillThere()) {
        state = 'draining'
        link.send('drain', { count: 0 })
        finish('detached')
      } else void look().catch((error: Error) => say(error.message))
    }, LOOK),
    setInterval(() => {
      // 0: it is being taken out of the kernel
      if (state !== 'serving' || liveSlot(open.tables) === slot || liveSlot(open.tables) === 0) return
      slot = liveSlot(open.tables)
      digest = liveDigest(open)
      slow.renew()
      observe()
      void look().catch(() => undefined)
      say(`generation of artifact ${digest} is in force`)
    }, GENERATION),
  ]
  void ended.then(() => {
    for (const timer of timers) clearInterval(timer)
    rows.close()
  })
  return {
    holder: link.pid,
    ended,
    leave,
    drain: (milliseconds) => {
      if (state !== 'serving') return
      state = 'draining'
      link.send('drain', { count: milliseconds })
    },
  }
}

function liveDigest({ tables }: OpenInstance): string {
  const record = readRecords(tables).find(({ state }) => state === 'live')
  return record === undefined ? '' : recordDigest(record)
}

/** Each line once. */
function said(say: (line: string) => void): (line: string) => void {
  const known = new Set<string>()
  return (line) => {
    if (known.has(line)) return
    known.add(line)
    say(line)
  }
}

function upstreamOpener(link: HolderLink): OpenUpstream {
  return async (netns, { address, port }): Promise<Socket> => {
    const parsed = parseIp(address)
    if (parsed === undefined) throw new SystemError({ call: 'connect', errno: EINVAL, subject: address })
    const { descriptors } = await link.ask('open', { netns, address: parsed, port, count: CONNECT_WITHIN })
    const [descriptor] = descriptors
    if (descriptor === undefined) throw new SystemError({ call: 'connect', errno: ECONNRESET, subject: address })
    return new Socket({ fd: descriptor, readable: true, writable: true })
  }
}

const EINVAL = 22
const ECONNRESET = 104
