/**
 * `serve` with one holder, from hello to the end of the line. In: an instance in force, a holder's line, the slow path; out: why it ended.
 * Each second it looks for new network namespaces, several times a second for a new generation.
 */
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { takeBackOverdue } from '../confirm.ts'
import { machine } from '../machine.ts'
import { liveRecord, recordDigest } from '../record.ts'
import { closeDescriptor } from '../sys/libc.ts'
import { SystemError } from '../sys/system-error.ts'
import type { OpenInstance } from '../held-generation.ts'
import { type BucketCells, openBucketCells } from './bucket-cells.ts'
import { openClientRows } from './client-rows.ts'
import { openEditRows } from './edit-rows.ts'
import { createHanded, type Handed } from './handed.ts'
import { openKeptRows } from './kept-rows.ts'
import { connectHolder, type HolderLink, type HolderMessage } from './holder-link.ts'
import { holderCgroup } from './holder-place.ts'
import { type NamedCgroups, observeSockets } from './observe.ts'
import { openRuntimeCounts, type RuntimeCounts } from '../runtime-counts.ts'
import type { OpenUpstream, SlowLane } from './slow-lane.ts'
import { createSpaces } from './spaces.ts'
import { createWarmth, type WarmEndpoint, warmEndpoints } from './warm.ts'

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
  readonly named: NamedCgroups
  readonly lane: (upstream: OpenUpstream, digest: () => string, bucket: BucketCells['find'], counts: RuntimeCounts | null) => SlowLane
  readonly say: (line: string) => void
  /** is the instance still the one that was opened? */
  readonly stillThere: () => boolean
}

export interface Session {
  readonly holder: number
  /** Takes no new connections and ends them all, at most `milliseconds` from now. */
  drain(milliseconds: number): void
  /** Leaves the holder. While what is under way here is not done, and no other process has taken over, it goes on serving: until there is another one, nobody else would. */
  leave(): void
  readonly ended: Promise<SessionEnd>
}

const LOOK = 1000
const GENERATION = 200
/** Longest that a request of the slow path keeps this process after another one took over. */
const LEAVE_WITHIN = 60_000
/** The same after it was asked to leave, less than what the shipped unit and DaemonSet give it to end; and for how much of that it goes on serving. */
const END_WITHIN = 25_000
const STAY_WITHIN = 20_000
const CONNECT_WITHIN = 30_000

/** null: no holder listens. */
export async function openSession({ open, cgroup, named, lane, say, stillThere }: SessionOptions): Promise<Session | null> {
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
      observeSockets(open.pins, holderCgroup(open.instance), named)
    } catch (error) {
      // an apply or a detach at the same moment
      say(`sockets of servers on this node are not observed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  observe()
  let live = liveRecord(open.tables)
  let digest = live === undefined ? '' : recordDigest(live)
  const rows = openClientRows(open)
  const edits = openEditRows(open)
  const kept = openKeptRows(open)
  const handed = createHanded(link, { rows, edits, kept })
  const buckets = openBucketCells(open)
  let reading: 'yes' | 'no' = 'yes'
  // asked at every request: what an apply has denied is denied from then on, here as in the kernel
  const inForce = (): string => {
    const current = reading === 'yes' ? liveRecord(open.tables) : undefined
    return current === undefined ? digest : recordDigest(current)
  }
  const counts = openRuntimeCounts(open.pins)
  const slow = lane(upstreamOpener(link), inForce, buckets.find, counts)
  const spaces = createSpaces(cgroup, link, said(say))
  const warmth = createWarmth(link)
  let endpoints: readonly WarmEndpoint[] = []
  const learn = (): void => {
    try {
      endpoints = warmEndpoints(open)
    } catch (error) {
      // it is being taken out of the kernel; or another apply was faster, and is seen next
      say(`no connections are opened beforehand: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const spread = (): void =>
    warmth.spread(
      spaces.all.map(({ cookie }) => cookie),
      endpoints,
    )
  const look = async (): Promise<void> => {
    const fresh = await spaces.look()
    if (fresh.length > 0) spread()
    for (const { cookie, port4, port6 } of fresh)
      say(
        `accepting in network namespace ${cookie}: ${[port4 > 0 ? `127.0.0.1:${port4}` : '', port6 > 0 ? `[::1]:${port6}` : ''].filter(Boolean).join(', ')}`,
      )
  }
  let latest = Number.POSITIVE_INFINITY
  const go = (): void => {
    if (state !== 'serving') return
    state = 'leaving'
    link.send('leave')
    slow.leave()
    // with or without a holder
    const began = Date.now()
    void finishOwn(link, handed, () => Math.min(began + LEAVE_WITHIN, latest))
      .catch(() => undefined)
      .then(link.close)
  }
  const leave = async (): Promise<void> => {
    const isUnderWay = handed.underWay()
    const began = Date.now()
    latest = began + END_WITHIN
    slow.leave()
    while (state === 'serving' && isUnderWay() && Date.now() < began + STAY_WITHIN) await sleep(LOOK_AGAIN)
    go()
  }
  deliver = (message, descriptors) => {
    const [first, second] = descriptors
    if (message.kind === 'connection' && first !== undefined) slow.serve(handed.connection(message, first))
    else if (message.kind === 'relay' && first !== undefined && second !== undefined) slow.relay(handed.relay(message, first, second))
    else {
      descriptors.forEach(closeDescriptor)
      if (message.kind === 'replaced') go()
      if (message.kind === 'wanted') void look().catch(() => undefined)
    }
  }
  for (const { message, descriptors } of early) deliver(message, descriptors)
  learn()
  await look()

  const timers = [
    setInterval(() => {
      if (state !== 'serving') return
      if (!stillThere()) {
        state = 'draining'
        // first, for a holder that has found out by itself and is gone ends the line within the call
        finish('detached')
        link.send('drain', { count: 0 })
        return
      }
      void look().catch((error: Error) => say(error.message))
      // whoever applied it may have died before it was confirmed
      const back = takeBackOverdue(open.instance, open.tables, machine({ foreign: 'refuse', existing: 'count' }))
      if (back !== undefined) say(back)
    }, LOOK),
    setInterval(() => {
      const current = liveRecord(open.tables)
      // none: it is being taken out of the kernel
      if (state !== 'serving' || current === undefined || current.generation === live?.generation) return
      live = current
      digest = recordDigest(current)
      buckets.renew()
      slow.renew()
      observe()
      learn()
      spread()
      void look().catch(() => undefined)
      say(`generation of artifact ${digest} is in force`)
    }, GENERATION),
  ]
  void ended.then(() => {
    for (const timer of timers) clearInterval(timer)
    if (state === 'serving') state = 'leaving'
    reading = 'no'
    slow.close()
    rows.close()
    edits.close()
    kept.close()
    buckets.close()
    counts?.close()
  })
  return {
    holder: link.pid,
    ended,
    leave: () => void leave(),
    drain: (milliseconds) => {
      if (state !== 'serving') return
      state = 'draining'
      link.send('drain', { count: milliseconds })
    },
  }
}

/**
 * Until nothing is here any more. An answer of the holder says that it has read what was sent before, and that what it had sent before is here: connections that it handed over before it
 * heard that nobody serves any more, and what became of the last ones.
 */
async function finishOwn(link: HolderLink, handed: Handed, until: () => number): Promise<void> {
  do {
    while (handed.count > 0 && Date.now() < until()) await sleep(LOOK_AGAIN)
    await link.ask('count')
  } while (handed.count > 0 && Date.now() < until())
}

const LOOK_AGAIN = 20

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
