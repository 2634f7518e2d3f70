/** One route and one request, for tests: what the interpreter decides behind a connection manager. In: a Route, a request, what stands around them. Out: a Decision. */
import type { Decision } from '../../compiler/http/model.ts'
import type { JsonObject } from '../oracle/envoy.ts'
import { createJudge } from './ask-interpreter.ts'
import type { RoutingRequest } from './routing-case.ts'

/** `around`: more of the virtual host (`host`), of the route configuration (`rc`) and of the connection manager (`hcm`) */
export function decide(route: JsonObject, request: Partial<RoutingRequest> = {}, around: JsonObject = {}): Decision {
  const { host = {}, rc = {}, hcm } = around as { readonly host?: JsonObject; readonly rc?: JsonObject; readonly hcm?: JsonObject }
  const judge = createJudge({
    id: 'case',
    route_config: {
      name: 'rc',
      virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }], ...host }],
      ...rc,
    },
    ...(hcm !== undefined && { hcm }),
    requests: [],
  })
  return judge({ method: 'GET', authority: 'a.com', path: '/a', headers: [], ...request })
}

export const to = (more: JsonObject = {}): JsonObject => ({ route: { cluster: 'c0', ...more } })
export const respond = (value: string): JsonObject => ({ response_headers_to_add: [{ header: { key: 'x-q', value } }] })
export const answered = (decision: Decision, name: string): string | undefined =>
  decision.responseHeaders?.find((pair) => pair[0] === name)?.[1]
export const sent = (decision: Decision, name: string): string | undefined => decision.requestHeaders?.find((pair) => pair[0] === name)?.[1]
