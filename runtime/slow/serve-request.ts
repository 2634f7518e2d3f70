/**
 * One request from its head to the end of its answer. In: a head that has passed guard and parser. Out: the answer, written; whether the connection goes on.
 */
import { upgradeOf } from '../../compiler/http/hop-headers.ts'
import { Headers } from '../../compiler/http/request.ts'
import type { Drawn } from '../serve/slow-lane.ts'
import type { GuardedHead } from './head-guard.ts'
import type { SharedState } from './evaluator.ts'
import type { LaneRequest } from './lane-context.ts'
import { answerDecision, answerEarly } from './local-answer.ts'
import { readRequest } from './read-request.ts'
import { routeRequest } from './route-request.ts'
import { forwardToWaypoint } from './waypoint.ts'

/** A request as its connection hands it on. */
export type Asked = Pick<LaneRequest, 'lane' | 'connection' | 'evaluator' | 'service' | 'head' | 'fed' | 'first' | 'drawn' | 'signal'>

/** `refuse`: the request turned out to be none before anything was answered; it is for the caller to say so */
export async function serveRequest(asked: Asked): Promise<'close' | 'keep' | 'refuse'> {
  const { lane, connection, service, head, fed, first, drawn, signal } = asked
  const read = readRequest(head, service, connection, first?.random ?? drawn?.random ?? lane.live.random())
  const ending = wantsClose(head) ? 'close' : 'keep'
  const upgrade = upgradeOf(head.method, Headers.of('request', head.headers))
  const requestId = read.kind === 'line' ? read.requestId : undefined
  const request: LaneRequest = { ...asked, upgrade, requestId, ending, begun: false }
  if (first === undefined) lane.statistics.count('requests')
  if (read.kind === 'refused') {
    await answerEarly(request, read.status, read.body)
    return 'close'
  }
  if (read.expects === 'continue') fed.response.writeContinue()
  const judgement = service.judge(read.line, first === undefined ? stateOf(drawn, lane.live) : PASSED)
  if (judgement.kind !== 'forward') first?.attempt.abort()
  // what follows such a head is no request, unless the upgrade comes to nothing on the other side
  if (upgrade !== undefined) request.ending = 'close'
  if (judgement.delay > 0) await delay(judgement.delay, signal)
  if (signal.aborted) return 'refuse'
  switch (judgement.kind) {
    case 'waypoint':
      await forwardToWaypoint(request)
      break
    case 'answer':
      await answerDecision(request, judgement.decision, judgement.hidden)
      break
    case 'forward':
      await routeRequest(request, judgement)
  }
  return signal.aborted && !request.begun ? 'refuse' : request.ending
}

/** The filters have let it pass, and what they take of it they have taken. */
const PASSED: SharedState = { random: () => 1 - Number.EPSILON, takeToken: () => true }
/** The first of them that draws has stopped it. */
const STOPPED: SharedState = { random: () => 0, takeToken: () => false }

/** A request is drawn for once, and takes a token once. */
function stateOf(drawn: Drawn | undefined, live: SharedState): SharedState {
  return drawn?.filters === 'passed' ? PASSED : drawn?.filters === 'stopped' ? STOPPED : live
}

function wantsClose({ version, headers }: GuardedHead): boolean {
  const tokens = headers
    .flatMap(([name, value]) => (name === 'connection' || name === 'proxy-connection' ? value.split(',') : []))
    .map((token) => token.trim().toLowerCase())
  return tokens.includes('close') || (version === '1.0' && !tokens.includes('keep-alive'))
}

function delay(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, time)
    signal.addEventListener('abort', done)
  })
}
