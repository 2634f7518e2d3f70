/**
 * What one slow path shares among its connections, and what belongs to one connection or one request. Types only.
 */
import type { Agent } from 'node:http'
import type { Socket } from 'node:net'
import type { Fed } from './request-feed.ts'
import type { Evaluator, Service, SharedState } from './evaluator.ts'
import type { Drawn } from '../serve/slow-lane.ts'
import type { FirstTry } from './first-try.ts'
import type { GuardedHead } from './head-guard.ts'
import type { MessageReader } from './message-reader.ts'
import type { EndpointPicker } from './pick-endpoint.ts'
import type { SlowStatistics } from './statistics.ts'
import type { Connect } from './upstream-pool.ts'

export interface LaneContext {
  /** of the generation in force; undefined: it has no HTTP */
  readonly evaluator: () => Evaluator | undefined
  readonly agent: Agent
  readonly connect: Connect
  readonly picker: EndpointPicker
  readonly live: SharedState
  readonly statistics: SlowStatistics
  readonly waypoint: WaypointPlace | undefined
  /** requests and retries under way, by cluster and priority */
  readonly load: Map<string, { requests: number; retries: number }>
  /** aborted when this process leaves: connections between two requests go back, as another one is to have them */
  readonly leaving: AbortSignal
}

export interface WaypointPlace {
  readonly address: string
  readonly port: number
}

/** One client connection. */
export interface LaneConnection {
  readonly socket: Socket
  readonly reader: MessageReader
  /** ip:port */
  readonly asked: string
  readonly client: string
  readonly netns: bigint
  /** of this connection alone; made when first needed */
  waypointAgent: Agent | undefined
  /** where it leads, under the evaluator that said so */
  entered: { readonly evaluator: Evaluator; readonly service: Service } | undefined
  /** ends it with a reset: an answer was cut off */
  reset(): void
}

/** One request and where its answer goes. */
export interface LaneRequest {
  readonly lane: LaneContext
  readonly connection: LaneConnection
  readonly evaluator: Evaluator
  readonly service: Service
  readonly head: GuardedHead
  readonly fed: Fed
  /** the kernel has decided about it and sent it; undefined: nobody has */
  readonly first: FirstTry | undefined
  /** the kernel has begun to decide about it; undefined: it has not */
  readonly drawn: Drawn | undefined
  /** that an upstream sees; undefined: none */
  readonly requestId: string | undefined
  /** what it asks its connection to become, in lower case */
  readonly upgrade: string | undefined
  /** the client wants the connection closed behind the answer, or it must be */
  ending: 'close' | 'keep'
  /** the answer's head has been written */
  begun: boolean
  /** the client is gone, or the rest of its request is none: nothing more is to be done */
  readonly signal: AbortSignal
}
