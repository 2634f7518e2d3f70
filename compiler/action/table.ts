/**
 * The list of route actions and HTTP filters. In: a Route; out: its action as data, and what Envoy answers to a request under it. What compiler/http/ is
 * given of this folder is `actions`, or what createActions makes of it.
 */
import type { ActionRules, Answer, Exchange } from '../http/exchange.ts'
import type { Action, ForwardAction } from '../http/model.ts'
import type { Cursor } from '../input/cursor.ts'
import { answerDirectly, readDirectResponse } from './direct-response.ts'
import { readFilters } from './filters.ts'
import { forward } from './forward.ts'
import { readHeaderMutations } from './header-mutations.ts'
import { readEarlyMutations } from './early-mutations.ts'
import { readHostRewrite } from './host-rewrite.ts'
import { readLocalReplies } from './local-replies.ts'
import { answerNonForwarding } from './non-forwarding.ts'
import { readPathRewrite } from './path-rewrite.ts'
import { answerRedirect, readRedirect } from './redirect.ts'
import { refuse, sendElsewhere } from './refuse.ts'
import { requireTls } from './require-tls.ts'

/** `hostName` of a cluster's endpoints, which auto_host_rewrite needs */
export function createActions(hostName: (cluster: string) => string | undefined): ActionRules {
  return { ...actions, forward: (exchange) => forward(exchange, hostName) }
}

export const actions: ActionRules = {
  readHeaders: readHeaderMutations,
  readFilters,
  readAction,
  readPathRewrite,
  readHostRewrite,
  readLocalReplies,
  readEarlyMutations,
  forward: (exchange) => forward(exchange, () => undefined),
  answer,
  refuse,
  sendElsewhere,
  requireTls,
}

/** `at`: a Route whose action is not `route` */
function readAction(at: Cursor): Exclude<Action, ForwardAction> {
  const kind = at.oneof('action')
  const action = kind === undefined ? undefined : at.message(kind)
  if (action === undefined) return { kind: 'none', path: at.path, what: 'no action' }
  switch (kind) {
    case 'redirect':
      return readRedirect(action)
    case 'direct_response':
      return readDirectResponse(action)
    case 'non_forwarding_action':
      return { kind: 'non_forwarding', path: action.path }
    default:
      return { kind: 'none', path: action.path, what: kind ?? '' }
  }
}

function answer(exchange: Exchange): Answer {
  const { action } = exchange.route
  switch (action.kind) {
    case 'redirect':
      return answerRedirect(action, exchange)
    case 'direct_response':
      return answerDirectly(action, exchange)
    default:
      // Envoy refuses a route without an action at load; like non_forwarding_action it would lead to no cluster
      return answerNonForwarding(exchange)
  }
}
