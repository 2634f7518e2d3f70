/**
 * envoy.filters.http.fault: aborts and delays. An abort is Envoy's own answer; a delay changes nothing but time. Shares are decided by the request's random number.
 * Source: Envoy's fault.proto and source/extensions/filters/http/fault/fault_filter.cc.
 */
import type { Draw } from '../match/draw.ts'
import type { Fraction } from '../http/model.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { evalHeaderMatch, type HeaderMatch, readHeaderMatch } from '../match/header.ts'
import { evalFraction } from '../match/runtime-fraction.ts'
import { type HttpFilter, type LiveState, PASS, type Verdict } from './filter.ts'
import { readPercent } from './fraction.ts'

export interface FaultRule {
  readonly [key: string]: unknown
  readonly abort:
    | { readonly httpStatus?: number; readonly grpcStatus?: number; readonly byHeader?: true; readonly share: Fraction }
    | undefined
  /** milliseconds */
  readonly delay: { readonly fixed?: number; readonly byHeader?: true; readonly share: Fraction } | undefined
  /** all must hold */
  readonly headers: readonly HeaderMatch[]
  /** only requests to this cluster */
  readonly upstreamCluster: string | undefined
  /** only requests of these x-envoy-downstream-service-node */
  readonly downstreamNodes: readonly string[]
}

const STATUS_HEADER = 'x-envoy-fault-abort-request'
const GRPC_HEADER = 'x-envoy-fault-abort-grpc-request'
const SHARE_HEADER = 'x-envoy-fault-abort-request-percentage'
const DELAY_HEADER = 'x-envoy-fault-delay-request'
const DELAY_SHARE_HEADER = 'x-envoy-fault-delay-request-percentage'
const BODY = 'fault filter abort'
const REASON = 'fault_filter_abort'

export const fault: HttpFilter<FaultRule> = {
  types: ['envoy.extensions.filters.http.fault.v3.HTTPFault'],
  read(at) {
    return {
      abort: readAbort(at.message('abort')),
      delay: readDelay(at.message('delay')),
      headers: at.messages('headers').map(readHeaderMatch),
      upstreamCluster: at.string('upstream_cluster') || undefined,
      downstreamNodes: at.strings('downstream_nodes'),
    }
  },
  decide(rule, request, target) {
    const { abort, headers, upstreamCluster, downstreamNodes } = rule
    if (abort === undefined && target.live === undefined) return PASS
    if (upstreamCluster !== undefined && upstreamCluster !== target.cluster) return PASS
    if (!headers.every((one) => evalHeaderMatch(one, request))) return PASS
    const node = request.headers.get('x-envoy-downstream-service-node')
    if (downstreamNodes.length > 0 && (node === undefined || !downstreamNodes.includes(node))) return PASS
    const delay = target.live === undefined ? undefined : delayOf(rule.delay, request, target.live)
    const draw = target.live?.random() ?? request.random
    const verdict = abort === undefined ? PASS : abort.byHeader === true ? byHeader(abort.share, request, draw) : byShare(abort, draw)
    return delay === undefined || verdict.kind === 'open' ? verdict : { ...verdict, delay }
  },
}

function readAbort(at: Cursor | undefined): FaultRule['abort'] {
  if (at === undefined) return undefined
  const share = readPercent(at.message('percentage'))
  switch (at.oneof('error_type')) {
    case 'http_status':
      return { httpStatus: at.number('http_status') ?? 0, share }
    case 'grpc_status':
      return { grpcStatus: at.number('grpc_status') ?? 0, share }
    default:
      return { byHeader: true, share }
  }
}

function readDelay(at: Cursor | undefined): FaultRule['delay'] {
  if (at === undefined) return undefined
  const share = readPercent(at.message('percentage'))
  return at.has('fixed_delay') ? { fixed: at.duration('fixed_delay') ?? 0, share } : { byHeader: true, share }
}

/** Milliseconds; of several requests that a share names each draws for itself. */
function delayOf(delay: FaultRule['delay'], request: HttpRequest, live: LiveState): number | undefined {
  if (delay === undefined) return undefined
  const asked = number(request.headers.get(DELAY_HEADER))
  const named = number(request.headers.get(DELAY_SHARE_HEADER))
  const share =
    delay.byHeader === true && named !== undefined ? { ...delay.share, numerator: Math.min(named, delay.share.numerator) } : delay.share
  const length = delay.byHeader === true ? asked : delay.fixed
  return length === undefined || length <= 0 || !evalFraction(share, live.random()) ? undefined : length
}

function byShare({ httpStatus, grpcStatus, share }: NonNullable<FaultRule['abort']>, draw: Draw): Verdict {
  return evalFraction(share, draw) ? abortion(httpStatus, grpcStatus) : PASS
}

/** Header aborts: the headers name status and percentage, the configured percentage is their limit. */
function byHeader(share: Fraction, request: HttpRequest, draw: Draw): Verdict {
  const status = number(request.headers.get(STATUS_HEADER))
  const grpc = number(request.headers.get(GRPC_HEADER))
  const named = number(request.headers.get(SHARE_HEADER))
  const numerator = named === undefined ? share.numerator : Math.min(named, share.numerator)
  if (status === undefined ? grpc === undefined : status < 200 || status >= 600) return PASS
  return evalFraction({ ...share, numerator }, draw) ? abortion(status, grpc) : PASS
}

function abortion(httpStatus: number | undefined, grpcStatus: number | undefined): Verdict {
  return {
    kind: 'answer',
    outcome: 'direct_response',
    // a gRPC status is an HTTP status too, for clients that do not speak gRPC
    status: httpStatus ?? 200,
    body: BODY,
    ...(grpcStatus !== undefined && { grpcStatus }),
    reason: REASON,
  }
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}
