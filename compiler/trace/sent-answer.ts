/**
 * The last that a connection manager does to an answer. In: its settings, a decision. Out: the decision with `via` and `proxy-status`, and its headers as they are
 * sent. User space writes its own when it answers.
 * Source: Envoy's http/conn_manager_utility.cc (mutateResponseHeaders); tried on Envoy 1.40.
 */
import { asSent } from '../http/byte-text.ts'
import type { ConnectionManager } from '../http/connection-manager.ts'
import type { Decision } from '../http/model.ts'
import { tellProxyStatus } from '../http/proxy-status.ts'
import type { HeaderPair } from '../http/request.ts'
import { bytesOf } from '../match/byte-text.ts'

export function sentAnswer({ via, front: { proxyStatus } }: Pick<ConnectionManager, 'via' | 'front'>, decision: Decision): Decision {
  const { responseHeaders, reason, outcome } = decision
  if (responseHeaders === undefined) return decision
  const told = proxyStatus === undefined || outcome === 'cluster' ? undefined : tellProxyStatus(proxyStatus, reason)
  let headers = responseHeaders
  if (via !== '') headers = joined(headers, 'via', bytesOf(via))
  if (told !== undefined) headers = joined(headers, 'proxy-status', bytesOf(told.value))
  return { ...decision, responseHeaders: asSent(headers) }
}

function joined(headers: readonly HeaderPair[], name: string, value: string): readonly HeaderPair[] {
  const held = headers.filter(([one, text]) => one === name && text !== '').map(([, one]) => one)
  return [...headers.filter(([one]) => one !== name), [name, [...held, value].join(', ')]]
}
