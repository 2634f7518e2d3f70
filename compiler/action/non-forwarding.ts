/**
 * non_forwarding_action: a route for whoever ends the request before the router. Envoy's router finds no
 * cluster and answers 503. In: an exchange. Out: an Answer. Source: Envoy's route_components.proto; tried.
 */
import type { Answer, Exchange } from '../http/exchange.ts'
import { refuse } from './refuse.ts'

export function answerNonForwarding(exchange: Exchange): Answer {
  return refuse(exchange.request, 'no_cluster', 503, 'cluster_not_found', exchange)
}
