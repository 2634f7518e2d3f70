/**
 * The proxy-status header of answers that something has gone wrong with. In: proxy_status_config; the response code detail of an answer. Out: the header's value, and
 * the status that the configuration wants instead; undefined where nothing is to be told.
 * Source: http_connection_manager.proto (ProxyStatusConfig), Envoy's source/common/stream_info/utility.cc (ProxyStatusUtils), RFC 9209; tried on Envoy 1.40.
 */
import type { Cursor } from '../input/cursor.ts'
import { responseFlag } from './response-flags.ts'

export interface ProxyStatus {
  readonly name: string
  readonly details: 'tell' | 'leave'
  readonly flags: 'tell' | 'leave'
  /** the status that RFC 9209 recommends for the error */
  readonly status: 'recommended' | 'own'
}

/** `at`: an HttpConnectionManager; `node`: the id of the proxy */
export function readProxyStatus(at: Cursor, node: string): ProxyStatus | undefined {
  const config = at.message('proxy_status_config')
  if (config === undefined) return undefined
  const named = config.oneof('proxy_name')
  const own = at.string('server_name') || 'envoy'
  const name = named === 'use_node_id' ? node : named === 'literal_proxy_name' ? (config.string(named) ?? '') : own
  return {
    name,
    details: config.boolean('remove_details') === true ? 'leave' : 'tell',
    flags: config.boolean('remove_response_flags') === true ? 'leave' : 'tell',
    status: config.boolean('set_recommended_response_code') === true ? 'recommended' : 'own',
  }
}

export interface ToldStatus {
  readonly value: string
  readonly status: number | undefined
}

/** `details`: Envoy's response code detail */
export function tellProxyStatus({ name, details: told, flags, status }: ProxyStatus, details: string): ToldStatus | undefined {
  const flag = responseFlag(details, 'short', 'at the end')
  const error = flag === undefined ? undefined : ERRORS.get(flag)
  if (error === undefined) return undefined
  const [text, recommended] = error
  const more = told === 'leave' ? '' : `; details="${escaped([details, ...(flags === 'tell' ? [flag] : [])].join('; '))}"`
  return { value: `${name}; error=${text}${more}`, status: status === 'recommended' ? recommended : undefined }
}

function escaped(text: string): string {
  return text.replace(/["\\]/g, '\\$&')
}

const UNAVAILABLE = ['destination_unavailable', 503] as const
const LIMIT = ['connection_limit_reached', 503] as const
const TERMINATED = ['connection_terminated', 502] as const
const LATE = ['http_response_timeout', 504] as const
const REQUEST = ['http_request_error', undefined] as const

/** by response flag: the error, and the status for it */
const ERRORS: ReadonlyMap<string, readonly [error: string, status: number | undefined]> = new Map<
  string,
  readonly [string, number | undefined]
>([
  ['UH', UNAVAILABLE],
  ['NC', UNAVAILABLE],
  ['NR', ['destination_not_found', 500]],
  ['UF', ['connection_refused', 502]],
  ['UC', TERMINATED],
  ['UO', LIMIT],
  ['RL', LIMIT],
  ['UT', LATE],
  ['SI', LATE],
  ['UPE', ['http_protocol_error', 502]],
  ['FI', REQUEST],
  ['IH', REQUEST],
  ['DPE', REQUEST],
])
