/**
 * A soak of HTTP in the kernel: clients of all manners in every lane, servers of all manners, applies and restarts in between. In: how long, how much, a seed. Out: a report.
 * Invariants: all traffic stays in closed namespaces; instance, holder and processes are gone afterwards, also when interrupted.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { holderLog } from '../../runtime/serve/holder-place.ts'
import { askHolder } from '../../runtime/serve/holder-presence.ts'
import { status } from '../../runtime/status.ts'
import { slowRequests } from '../judging/lanes.ts'
import { complaintsSince, lastRecord, readKernelLog } from '../kit/kernel-log.ts'
import type { Place } from '../kit/process.ts'
import { type ClientLoad, type Done, type Incident, runClients } from './clients.ts'
import { SERVICES } from './resources.ts'
import { describePort } from './rows.ts'
import type { Upheaval } from './upheavals.ts'
import { growth, type Sample, usageOf } from './watch.ts'
import { makeSoakWorld } from './world.ts'

export interface SoakOptions {
  readonly name: string
  readonly seconds: number
  readonly seed: number
  /** turns a second, of all clients together */
  readonly rate: number
  /** of the clients, only these; empty: all */
  readonly ways: readonly string[]
  /** in this order, again and again */
  readonly upheavals: readonly Upheaval[]
  /** seconds between two of them */
  readonly calm: number
  /** how it goes */
  readonly tell: (line: string) => void
}

export interface SoakReport {
  readonly seconds: number
  /** by service and way */
  readonly done: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly turns: number
  readonly aborted: number
  readonly honest: number
  /** seconds that each took */
  readonly upheavals: Readonly<Record<string, readonly number[]>>
  /** requests that user space got, and requests that the kernel gave to an endpoint or answered itself */
  readonly lanes: { readonly userSpace: number; readonly kernel: number }
  readonly samples: readonly Sample[]
  /** what is wrong, one line each; empty: nothing */
  readonly faults: readonly string[]
}

const THREADS = 8
/** Share of the rate. One client process each. */
const LOADS = [
  { service: 'node', place: 0, share: 0.35 },
  { service: 'other', place: 0, share: 0.25 },
  { service: 'other', place: 1, share: 0.15 },
  { service: 'six', place: 1, share: 0.15 },
  { service: 'direct', place: 0, share: 0.1 },
] as const
/** Seconds between two samples. */
const SAMPLE = 5
/** Milliseconds after a node process was killed in which user space may fail; what it had is lost. */
const LOST_WITHIN = 3000
/** Incidents that are kept; the rest is counted. */
const MOST = 60

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { name, seconds, seed, rate, ways, tell } = options
  const logged = lastRecord()
  const world = await makeSoakWorld(name)
  const { open, places, upheavals } = world

  const began = Date.now()
  const elapsed = (): number => Math.round((Date.now() - began) / 1000)
  const faults: string[] = []
  let incidents = 0
  const fault = (text: string): void => {
    if (++incidents <= MOST) faults.push(text)
    tell(text)
  }
  const lost: string[] = []
  const report = (incident: Incident): void => {
    const text = `${incident.at} ${incident.event} ${incident.tag}: ${incident.way}: ${incident.detail} ${incident.asked} (after ${incident.before.join(' ')})`
    const rows = incident.event === 'stuck' ? describePort(open, incident.port) : []
    const excused =
      incident.event === 'failed' && upheavals.killed().some((when) => incident.when >= when && incident.when < when + LOST_WITHIN)
    if (excused) lost.push(text)
    else fault([text, ...rows].join('\n    '))
  }
  const loads = LOADS.map(({ service: wanted, place, share }, index): Promise<readonly [string, Done]> => {
    const service = SERVICES.find((one) => one.name === wanted)
    if (service === undefined) throw new Error(`no service ${wanted}`)
    const load: ClientLoad = {
      service,
      tag: `${wanted}${place}`,
      threads: THREADS,
      rate: rate * share,
      seconds,
      seed: seed * 10 + index,
      ways,
    }
    return runClients(places[place] as Place, load, report).then((done) => [load.tag, done] as const)
  })

  let over: 'no' | 'yes' = 'no'
  const samples: Sample[] = []
  let keeps: number | undefined
  const watching = (async () => {
    while (over === 'no') {
      const holder = await askHolder(name)
      if (keeps !== undefined && holder?.pid !== keeps) fault(`${elapsed()} s: the holder, process ${keeps}, has died: ${lastSaid(name)}`)
      keeps = holder?.pid
      if (holder === null) fault(`${elapsed()} s: there is no holder`)
      else samples.push({ at: elapsed(), holder: usageOf(holder.pid), node: usageOf(upheavals.serving().pid) })
      await pause(SAMPLE * 1000)
    }
  })()
  const disturbing = (async () => {
    for (let index = 0; over === 'no' && options.upheavals.length > 0; index++) {
      await pause(Math.min(options.calm, seconds) * 1000)
      if (elapsed() > seconds - options.calm) return
      const one = options.upheavals[index % options.upheavals.length] as Upheaval
      tell(`${new Date().toTimeString().slice(0, 8)} ${one}`)
      try {
        await upheavals.run(one)
      } catch (error) {
        fault(`${elapsed()} s: ${one}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  })()
  const done = await Promise.all(loads)
  await disturbing
  over = 'yes'
  await watching

  for (const left of await world.settled()) fault(left)
  const holder = await askHolder(name)
  if (holder !== null) samples.push({ at: elapsed(), holder: usageOf(holder.pid), node: usageOf(upheavals.serving().pid) })
  for (const grown of growth(samples)) fault(grown)
  const now = status(name)
  const kernel = now.http.services.flatMap(({ routes }) => routes).reduce((sum, route) => sum + route.requests, 0)
  const lanes = { userSpace: slowRequests(name), kernel }
  for (const { text } of logged === undefined ? [] : complaintsSince(readKernelLog(), logged)) fault(`the kernel log: ${text}`)
  if (incidents > MOST) faults.push(`and ${incidents - MOST} more`)

  await world.end()
  const sum = (of: (one: Done) => number): number => done.reduce((total, [, one]) => total + of(one), 0)
  return {
    seconds: elapsed(),
    done: Object.fromEntries(done.map(([tag, { ways }]) => [tag, ways])),
    turns: sum(({ ways }) => Object.values(ways).reduce((total, count) => total + count, 0)),
    aborted: sum((one) => one.aborted),
    honest: sum((one) => one.honest) + lost.length,
    upheavals: upheavals.times(),
    lanes,
    samples,
    faults,
  }
}

/** The last line of the log of holders. */
function lastSaid(instance: string): string {
  return readFileSync(holderLog(instance), 'utf8').trimEnd().split('\n').at(-1) ?? ''
}
