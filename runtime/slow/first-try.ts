/**
 * The first try of a request, which the kernel has made. In: what the holder handed over of it. Out: an Attempt as if it had been made here, and the request.
 * Invariant: the upstream is let go of once: back to its pool behind exactly one answer, else closed.
 */
import type { KeptRequest, SlowRelay, SocketAddress } from '../serve/slow-lane.ts'
import { createAnswerEnd } from './answer-end.ts'
import type { Attempt, AttemptResult } from './attempt.ts'
import { readAnswer } from './read-answer.ts'

export interface FirstTry {
  readonly attempt: Attempt
  readonly bytes: Buffer
  /** the number that was drawn for the request */
  readonly random: bigint
  /** when it was sent, as Date.now() */
  readonly began: number
  readonly endpoint: SocketAddress
  /** there was no answer in the time that the route gives */
  readonly isLate: boolean
}

export function firstTry(relay: SlowRelay, { bytes, random, started, endpoint }: KeptRequest): FirstTry {
  const began = Date.now() - (monotonic() - started)
  return { attempt: attemptOf(relay), bytes, random, began, endpoint, isLate: relay.want === 'late' }
}

/** milliseconds of the clock that the kernel has, too */
function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}

function attemptOf({ upstream, method, want, done }: SlowRelay): Attempt {
  upstream.on('error', () => undefined)
  if (want !== undefined) {
    const result: AttemptResult = { kind: 'failed', reset: want === 'late' ? 'per_try_timeout' : 'reset', code: want, sent: 'something' }
    done('close')
    return { result: Promise.resolve(result), abort: () => undefined }
  }
  const end = createAnswerEnd(method)
  const result = readAnswer(upstream, method, end).then((read): AttemptResult => {
    if (read.kind === 'none') {
      done('close')
      return { kind: 'failed', reset: read.code.startsWith('HPE_') ? 'protocol_error' : 'reset', code: read.code, sent: 'something' }
    }
    const { answer } = read
    answer.once('end', () => done(answer.complete && end.place === 'end' && upstream.readableLength === 0 ? 'reuse' : 'close'))
    answer.once('close', () => done('close'))
    return { kind: 'answer', answer }
  })
  return { result, abort: () => done('close') }
}
