/**
 * What became of a request, in the form of recorded cases. In: the answer its client got, what a backend saw, the lane it took, the interpreter's word on the
 * request. Out: an outcome. Everything in it was seen, but for `details`, which a wire does not show: a local answer is called what the interpreter calls it where status, Location and
 * body are those that it expects, else by its looks.
 */
import type { Decision } from '../../compiler/http/model.ts'
import type { EchoUpstreams } from '../routing/echo-upstreams.ts'
import type { RawAnswer } from '../routing/raw-client.ts'

export interface HttpOutcome {
  readonly status: number | null
  readonly details: string | null
  readonly cluster: string | null
  readonly upstream_path?: string
  readonly upstream_host?: string
  readonly upstream_headers?: readonly (readonly [string, string])[]
  readonly location: string | null
  readonly body: string
  readonly response_headers: readonly (readonly [string, string])[]
  readonly lane: string
}

const NOTHING = { status: null, details: null, cluster: null, location: null, body: '', response_headers: [] }

/** `answer` undefined: no connection, or no answer. `expected`: asked only about answers that no backend gave. */
export function outcomeOf(
  answer: RawAnswer | undefined,
  upstreams: EchoUpstreams,
  lane: string,
  expected?: () => Decision | undefined,
): HttpOutcome {
  if (answer === undefined) return { ...NOTHING, lane }
  const headerOf = (name: string): string | undefined => answer.headers.find((pair) => pair[0] === name)?.[1]
  const seen = upstreams.take(headerOf('x-oracle') ?? '')
  const location = headerOf('location') ?? null
  // bytes came with one character each
  const body = Buffer.from(answer.body, 'latin1').toString('utf8')
  return {
    status: answer.status ?? null,
    details: seen === undefined ? localDetails(answer, body, location, expected?.()) : 'via_upstream',
    cluster: seen?.cluster ?? null,
    ...(seen !== undefined && { upstream_path: seen.path, upstream_host: seen.authority, upstream_headers: seen.headers }),
    location,
    body,
    response_headers: answer.headers.filter(([name]) => name !== 'x-oracle'),
    lane,
  }
}

function localDetails({ status, headers }: RawAnswer, body: string, location: string | null, expected: Decision | undefined): string {
  const agrees =
    expected !== undefined &&
    expected.outcome !== 'cluster' &&
    expected.status === status &&
    (expected.location ?? null) === location &&
    (body === '' || (expected.body ?? '') === body)
  if (agrees) return expected.outcome === 'redirect' ? 'direct_response' : expected.reason
  const bare = location === null && body === '' && !headers.some(([name, value]) => name === 'content-length' && value !== '0')
  if (bare && status === 404) return 'route_not_found'
  return bare && status === 503 ? 'cluster_not_found' : 'direct_response'
}
