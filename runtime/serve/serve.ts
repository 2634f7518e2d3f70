/**
 * The node process of an instance: keeps a holder running and serves what the kernel leaves to user space. In: an instance, perhaps an artifact to apply first; out:
 * nothing until it is told to stop. Invariant: it may come and go: the kernel and the holder go on without it, but for requests that need it.
 *
 *   waiting for an apply -> holder started or found -> session -> (detached, holder lost) -> from the start
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CodedError, coded } from '../coded-error.ts'
import { recordedCgroup, refuseOwnCgroup, cgroup2Mount } from '../governed-cgroup.ts'
import { type OpenInstance, openInstance } from '../held-generation.ts'
import { existingPins } from '../place.ts'
import { cgroupRelation } from '../sys/cgroup.ts'
import { mapInfo } from '../sys/libbpf-map.ts'
import { openPinIfThere } from '../sys/libbpf-pin.ts'
import { closeDescriptor } from '../sys/libc.ts'
import { holderCgroup, holderLog, removeHolderCgroup } from './holder-place.ts'
import { noteResult } from '../runtime-counts.ts'
import { sweepAfter } from './retire-holder.ts'
import type { NamedCgroups } from './observe.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'
import { startHolder } from './start-holder.ts'

export interface ServeOptions {
  readonly instance: string
  /** cgroups of servers on this node whose answers may take the short way, and of clients that user space is to serve */
  readonly named: NamedCgroups
  readonly lane: SessionOptions['lane']
  readonly say: (line: string) => void
  readonly stop: Stop
}

/** What a signal asks for; the first one counts. */
export interface Stop {
  /** 'stop': connections end and the holder too; 'leave': this process alone */
  readonly asked: Promise<'stop' | 'leave'>
  /** a second signal: at once */
  readonly atOnce: Promise<void>
}

const WAIT = 250
/** Longest that connections keep the holder after it was asked to stop. */
const DRAIN_WITHIN = 10_000
const RESTART_PAUSE = 500

export async function serve({ instance, named, lane, say, stop }: ServeOptions): Promise<void> {
  let stopping: 'no' | 'stop' | 'leave' = 'no'
  let session: Session | undefined
  const react = (how: 'stop' | 'leave'): void => {
    stopping = how
    if (how === 'stop') session?.drain(DRAIN_WITHIN)
    else session?.leave()
  }
  void stop.asked.then(react)
  const asked = stop.asked.then(() => 'asked' as const)
  let waited: 'no' | 'yes' = 'no'
  while (stopping === 'no') {
    const open = tryOpen(instance)
    if (open === null) {
      if (waited === 'no') say(`instance "${instance}" has no generation in force yet; waiting for kmesh-runtime apply`)
      waited = 'yes'
      await Promise.race([sleep(WAIT), asked])
      continue
    }
    waited = 'no'
    try {
      session = await begin(open, { named, lane, say })
      if (stopping !== 'no') react(stopping)
      const end = await Promise.race([session.ended, stop.atOnce.then(() => 'at-once' as const)])
      if (end === 'at-once') {
        endHolder(session.holder)
        return
      }
      if (end === 'left' && (stopping !== 'no' || existingPins(instance) !== null)) {
        say('another process serves from now on, or this one was asked to leave; the holder stays')
        return
      }
      if (end === 'detached') say(`instance "${instance}" was detached`)
      if (end === 'lost') {
        noteResult(instance, 'holder_lost')
        say(`the holder has ended, its log is ${holderLog(instance)}${stopping === 'no' ? '; starting another' : ''}`)
        if (stopping === 'no') await sleep(RESTART_PAUSE)
      }
    } finally {
      session = undefined
      open.tables.close()
    }
  }
  await removeHolderCgroup(instance)
  if (existingPins(instance) === null) await sweepAfter(instance)
}

async function begin(open: OpenInstance, given: Pick<ServeOptions, 'named' | 'lane' | 'say'>): Promise<Session> {
  const { say } = given
  const cgroup = recordedCgroup(open.pins.cgroup)
  if (cgroup === null) throw coded('KM9107', `instance "${open.instance}" has no record of its cgroup`)
  refuseInside(open.instance, cgroup)
  const mark = instanceMark(open)
  const options: SessionOptions = { ...given, open, cgroup, stillThere: () => instanceMark(open) === mark }
  const found = await openSession(options)
  if (found !== null) {
    say(`instance "${open.instance}": found the holder, process ${found.holder}`)
    return found
  }
  await startAgain(() => startHolder(open.instance, open.pins))
  const started = await openSession(options)
  if (started === null) throw coded('KM9301', 'the holder that was just started does not listen')
  say(`instance "${open.instance}": started the holder, process ${started.holder}`)
  return started
}

/** One that is just ending may still have the place. */
async function startAgain(start: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await start()
      return
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error
      await sleep(RESTART_PAUSE)
    }
  }
}

const START_ATTEMPTS = 4

/** Pitfall 22: what accepts must not be governed itself. */
function refuseInside(instance: string, governed: string): void {
  refuseOwnCgroup(governed, cgroup2Mount())
  const holder = holderCgroup(instance)
  const relation = cgroupRelation(holder, governed)
  if (relation === 'same' || relation === 'descendant') throw coded('KM9112', `the holder's cgroup ${holder} is inside ${governed}`)
}

/** Tells an instance from one that was made again under its name; undefined when there is none. */
function instanceMark({ pins }: OpenInstance): number | undefined {
  const fd = openPinIfThere(pins.map('km_events'))
  if (fd === null) return undefined
  try {
    return mapInfo(fd).id
  } finally {
    closeDescriptor(fd)
  }
}

/** null: not yet; another apply or detach may be under way. */
function tryOpen(instance: string): OpenInstance | null {
  if (existingPins(instance) === null) return null
  try {
    return openInstance(instance)
  } catch (error) {
    if (error instanceof CodedError && error.findings.every(({ code }) => code === 'KM9106' || code === 'KM9123')) return null
    throw error
  }
}

function endHolder(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch {
    // it was faster
  }
}
