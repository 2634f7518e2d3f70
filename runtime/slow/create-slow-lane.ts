/**
 * The slow path of `serve`. In: the services document of the generation in force, ways to open sockets, perhaps a waypoint. Out: a SlowLane. Invariant: it never blocks, and
 * nothing that one connection does ends another.
 */
import { setMaxListeners } from 'node:events'
import { readServicesDocument } from '../../proto/http/services.ts'
import type { OpenUpstream, SlowConnection, SlowLane } from '../serve/slow-lane.ts'
import { createEvaluator, type Evaluator } from './evaluator.ts'
import { firstTry } from './first-try.ts'
import type { LaneContext, WaypointPlace } from './lane-context.ts'
import { createEndpointPicker } from './pick-endpoint.ts'
import { relayAnswer } from './relay.ts'
import { serveConnection } from './serve-connection.ts'
import { type CountKeeper, createSlowStatistics, type SlowStatistics } from './statistics.ts'
import { type BucketCell, createTokenBuckets } from './token-buckets.ts'
import { createUpstreamPool } from './upstream-pool.ts'

export interface SlowLaneOptions {
  /** bytes of the services document (proto/http/services.ts) of the generation in force; asked for at once, at every `renew`, and when `inForce` has changed */
  readonly services: () => Uint8Array | undefined
  /** which one that is; asked at every request. It never changes when left out */
  readonly inForce?: () => string
  readonly open: OpenUpstream
  readonly waypoint?: WaypointPlace
  /** buckets that the kernel has too */
  readonly bucket?: BucketCell
  readonly counts?: CountKeeper
}

export interface RunningSlowLane extends SlowLane {
  readonly statistics: SlowStatistics
}

export function createSlowLane({ services, inForce = () => '', open, waypoint, bucket, counts }: SlowLaneOptions): RunningSlowLane {
  const read = (): Evaluator | undefined => {
    const bytes = services()
    const document = bytes === undefined ? undefined : readServicesDocument(bytes)
    return document === undefined ? undefined : createEvaluator(document)
  }
  let known = inForce()
  let evaluator = read()
  const current = (): Evaluator | undefined => {
    const now = inForce()
    if (now !== known) {
      known = now
      evaluator = read()
    }
    return evaluator
  }
  const leaving = new AbortController()
  // each connection that waits for a request waits for this, too
  setMaxListeners(0, leaving.signal)
  let active = 0
  const pool = createUpstreamPool(({ netns, address, port }) => open(netns, { address, port }))
  const lane: LaneContext = {
    evaluator: current,
    agent: pool.agent,
    connect: ({ netns, address, port }) => open(netns, { address, port }),
    picker: createEndpointPicker(),
    live: { random: Math.random, takeToken: createTokenBuckets(bucket) },
    statistics: createSlowStatistics(counts),
    waypoint,
    load: new Map(),
    leaving: leaving.signal,
  }
  const during = (work: Promise<void>): void => {
    active++
    work.finally(() => {
      active--
    })
  }
  return {
    serve: (connection: SlowConnection) => during(serveConnection(lane, connection)),
    relay(relay) {
      const { kept, connection } = relay
      if (kept !== undefined) during(serveConnection(lane, connection, firstTry(relay, kept)))
      else during(relayAnswer(relay, (given) => during(serveConnection(lane, given, 'answered'))))
    },
    renew() {
      evaluator = read()
    },
    leave: () => leaving.abort(),
    get active() {
      return active
    },
    statistics: lane.statistics,
    close: pool.close,
  }
}
