/**
 * Policies of routes, as data of the decision: timeouts, retries, hash policies, mirrors. In: the cursor of the message that has them. Out: data in
 * milliseconds; nothing of it changes where a request goes.
 * Source: Envoy's route_components.proto.
 */
import type { Cursor } from '../input/cursor.ts'
import { readHeaderMatch } from '../match/header.ts'
import { readFraction } from '../match/runtime-fraction.ts'
import { lowerCase, readRegex } from '../match/string-match.ts'
import { readAll } from './read-all.ts'
import type { HashPolicy, MirrorPolicy, RetryPolicy, Timeouts } from './model.ts'
import { createShare, slotOfText } from '../match/share.ts'

const DEFAULT_TIMEOUT = 15_000
const NOT_TOLD: RetryPolicy['told'] = { headers: [], maxInterval: 300_000 }
const DEFAULTS: Timeouts = timeoutsOf(DEFAULT_TIMEOUT)
const UNLIMITED: Timeouts = timeoutsOf(0)

/** `at`: a RouteAction */
export function readTimeouts(at: Cursor): Timeouts {
  const stream = at.message('max_stream_duration')
  const timeout = at.duration('timeout') ?? DEFAULT_TIMEOUT
  if (stream === undefined && !OTHERS.some((field) => at.has(field))) {
    // most routes say no more; they have one object between them
    return timeout === 0 ? UNLIMITED : timeout === DEFAULT_TIMEOUT ? DEFAULTS : timeoutsOf(timeout)
  }
  return shareTimeouts({
    timeout,
    idle: at.duration('idle_timeout'),
    maxStreamDuration: stream?.duration('max_stream_duration'),
    grpcTimeoutHeaderMax: stream?.duration('grpc_timeout_header_max'),
    grpcTimeoutHeaderOffset: stream?.duration('grpc_timeout_header_offset'),
    flush: at.duration('flush_timeout'),
    maxGrpcTimeout: at.duration('max_grpc_timeout'),
    grpcTimeoutOffset: at.duration('grpc_timeout_offset'),
    streamDuration: stream !== undefined,
  })
}

const SLOTS = 256
const shareTimeouts = createShare<Timeouts>(SLOTS, ({ timeout, idle = 0 }) => timeout + 31 * idle)
const shareRetry = createShare<RetryPolicy>(SLOTS, ({ on, retries }) => slotOfText(on[0] ?? '') + on.length + retries)

const OTHERS = ['idle_timeout', 'flush_timeout', 'max_grpc_timeout', 'grpc_timeout_offset'] as const

function timeoutsOf(timeout: number): Timeouts {
  return {
    timeout,
    idle: undefined,
    maxStreamDuration: undefined,
    grpcTimeoutHeaderMax: undefined,
    grpcTimeoutHeaderOffset: undefined,
    flush: undefined,
    maxGrpcTimeout: undefined,
    grpcTimeoutOffset: undefined,
    streamDuration: false,
  }
}

/** `at`: a RouteAction or a VirtualHost; the route's own policy wins as a whole */
export function readRetryPolicy(at: Cursor): RetryPolicy | undefined {
  const policy = at.message('retry_policy')
  if (policy === undefined) return undefined
  const backOff = policy.message('retry_back_off')
  const told = policy.message('rate_limited_retry_back_off')
  return shareRetry({
    on: wordsOf(policy.string('retry_on') ?? ''),
    retries: policy.number('num_retries') ?? 1,
    perTryTimeout: policy.duration('per_try_timeout'),
    perTryIdleTimeout: policy.duration('per_try_idle_timeout'),
    statusCodes: policy.numbers('retriable_status_codes'),
    baseInterval: backOff?.duration('base_interval'),
    maxInterval: backOff?.duration('max_interval'),
    responseHeaders: readAll(policy.messages('retriable_headers'), readHeaderMatch),
    requestHeaders: readAll(policy.messages('retriable_request_headers'), readHeaderMatch),
    otherHosts: policy.messages('retry_host_predicate').some((one) => PREVIOUS_HOSTS.test(one.any('typed_config')?.type ?? ''))
      ? (policy.number('host_selection_retry_max_attempts') ?? 1)
      : 0,
    told: told === undefined ? NOT_TOLD : readTold(told),
  })
}

/** `at`: a RateLimitedRetryBackOff */
function readTold(at: Cursor): RetryPolicy['told'] {
  return {
    headers: readAll(at.messages('reset_headers'), (one) => ({
      name: lowerCase(one.string('name') ?? ''),
      format: one.enum('format') === 'UNIX_TIMESTAMP' ? 'unix_timestamp' : 'seconds',
    })),
    maxInterval: at.duration('max_interval') ?? NOT_TOLD.maxInterval,
  }
}

/** Who writes routes repeats one list: equal lists in a row are one. */
let last: { readonly text: string; readonly words: readonly string[] } = { text: '', words: [] }

function wordsOf(text: string): readonly string[] {
  if (text !== last.text) {
    const words = text.split(',').map((word) => word.trim())
    last = { text, words: words.filter((word) => word !== '') }
  }
  return last.words
}

const PREVIOUS_HOSTS = /\.previous_hosts\.v\d\.PreviousHostsPredicate$/

/** `at`: a RouteConfiguration, VirtualHost or RouteAction */
export function readMirrors(at: Cursor): readonly MirrorPolicy[] {
  return readAll(at.messages('request_mirror_policies'), (policy) => ({
    path: policy.path,
    cluster: policy.string('cluster') || undefined,
    clusterHeader: lowerCase(policy.string('cluster_header') ?? '') || undefined,
    fraction: readFraction(policy.message('runtime_fraction')),
    keepsHost: policy.boolean('disable_shadow_host_suffix_append') ?? false,
  }))
}

/** `at`: a RouteAction */
export function readHashPolicies(at: Cursor): readonly HashPolicy[] {
  return readAll(at.messages('hash_policy'), readHashPolicy)
}

function readHashPolicy(at: Cursor): HashPolicy {
  const terminal = at.boolean('terminal') ?? false
  const kind = at.oneof('policy_specifier')
  const policy = kind === undefined ? undefined : at.message(kind)
  if (policy === undefined) return { kind: 'unknown', terminal }
  switch (kind) {
    case 'header': {
      const rewrite = policy.message('regex_rewrite')
      return {
        kind,
        terminal,
        header: lowerCase(policy.string('header_name') ?? ''),
        rewrite:
          rewrite === undefined
            ? undefined
            : { regex: readRegex(rewrite.message('pattern')), substitution: rewrite.string('substitution') ?? '' },
      }
    }
    case 'cookie':
      return { kind, terminal, name: policy.string('name') ?? '', ttl: policy.duration('ttl'), cookiePath: policy.string('path') }
    case 'query_parameter':
      return { kind, terminal, name: policy.string('name') ?? '' }
    case 'filter_state':
      return { kind, terminal, key: policy.string('key') ?? '' }
    case 'connection_properties':
      return { kind: policy.boolean('source_ip') === true ? 'source_ip' : 'unknown', terminal }
    default:
      return { kind: 'unknown', terminal }
  }
}
