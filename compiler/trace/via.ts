/**
 * The `via` that a connection manager writes into every answer. In: its text, a decision. Out: the decision with it. User space writes its own when it answers.
 * Source: Envoy's http/conn_manager_utility.cc (mutateResponseHeaders).
 */
import type { Decision } from '../http/model.ts'

export function withVia(via: string, decision: Decision): Decision {
  const { responseHeaders } = decision
  if (via === '' || responseHeaders === undefined) return decision
  const held = responseHeaders.filter(([name]) => name === 'via').map(([, value]) => value)
  const rest = responseHeaders.filter(([name]) => name !== 'via')
  return { ...decision, responseHeaders: [...rest, ['via', [...held, via].join(', ')]] }
}
