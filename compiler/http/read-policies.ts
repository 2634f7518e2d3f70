/**
 * Policies of routes, as data of the decision: timeouts, retries, hash policies, mirrors. In: the cursor of the message that has them. Out: data in
 * milliseconds; nothing of it changes where a request goes.
 * Source: Envoy's route_components.proto.
 */
import type { Cursor } from '../input/cursor.ts'
import { readHeaderMatch } from '../match/header.ts'
import { readFraction } from '../match/runtime-fraction.ts'
import { lowerCase, readRegex } from '../match/string-match.ts'
import type { HashPolicy, MirrorPolicy, RetryPolicy, Timeouts } from './model.ts'

const DEFAULT_TIMEOUT = 15_000

/** `at`: a RouteAction */
export function readTimeouts(at: Cursor): Timeouts {
  const stream = at.message('max_stream_duration')
  return {
    timeout: at.duration('timeout') ?? DEFAULT_TIMEOUT,
    idle: at.duration('idle_timeout'),
    maxStreamDuration: stream?.duration('max_stream_duration'),
    grpcTimeoutHeaderMax: stream?.duration('grpc_timeout_header_max'),
    grpcTimeoutHeaderOffset: stream?.duration('grpc_timeout_header_offset'),
    flush: at.duration('flush_timeout'),
    maxGrpcTimeout: at.duration('max_grpc_timeout'),
    grpcTimeoutOffset: at.duration('grpc_timeout_offset'),
    streamDuration: stream !== undefined,
  }
}

/** `at`: a RouteAction or a VirtualHost; the route's own policy wins as a whole */
export function readRetryPolicy(at: Cursor): RetryPolicy | undefined {
  const policy = at.message('retry_policy')
  if (policy === undefined) return undefined
  const backOff = policy.message('retry_back_off')
  const told = policy.message('rate_limited_retry_back_off')
  return {
    path: policy.path,
    on: (policy.string('retry_on') ?? '').split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()])),
    retries: policy.number('num_retries') ?? 1,
    perTryTimeout: policy.duration('per_try_timeout'),
    perTryIdleTimeout: policy.duration('per_try_idle_timeout'),
    statusCodes: policy.numbers('retriable_status_codes'),
    baseInterval: backOff?.duration('base_interval'),
    maxInterval: backOff?.duration('max_interval'),
    responseHeaders: policy.messages('retriable_headers').map(readHeaderMatch),
    requestHeaders: policy.messages('retriable_request_headers').map(readHeaderMatch),
    otherHosts: policy.messages('retry_host_predicate').some((one) => PREVIOUS_HOSTS.test(one.any('typed_config')?.type ?? ''))
      ? (policy.number('host_selection_retry_max_attempts') ?? 1)
      : 0,
    told: {
      headers: (told?.messages('reset_headers') ?? []).map((one) => ({
        name: lowerCase(one.string('name') ?? ''),
        format: one.enum('format') === 'UNIX_TIMESTAMP' ? 'unix_timestamp' : 'seconds',
      })),
      maxInterval: told?.duration('max_interval') ?? 300_000,
    },
  }
}

const PREVIOUS_HOSTS = /\.previous_hosts\.v\d\.PreviousHostsPredicate$/

/** `at`: a RouteConfiguration, VirtualHost or RouteAction */
export function readMirrors(at: Cursor): readonly MirrorPolicy[] {
  return at.messages('request_mirror_policies').map((policy) => ({
    path: policy.path,
    cluster: policy.string('cluster') || undefined,
    clusterHeader: lowerCase(policy.string('cluster_header') ?? '') || undefined,
    fraction: readFraction(policy.message('runtime_fraction')),
    keepsHost: policy.boolean('disable_shadow_host_suffix_append') ?? false,
  }))
}

/** `at`: a RouteAction */
export function readHashPolicies(at: Cursor): readonly HashPolicy[] {
  return at.messages('hash_policy').map(readHashPolicy)
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
