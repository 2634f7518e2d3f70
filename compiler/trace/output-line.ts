/**
 * One line of a batch's answer: proto/trace.schema.json, always with the same fields in the same order. In: the request's id and its decision, or what is wrong
 * with the line. Out: JSON without line end. What an outcome does not have is null.
 */
import type { Decision } from '../http/model.ts'
import type { Code } from '../diag/codes.ts'

export function decisionLine(id: unknown, decision: Decision): string {
  const { outcome, lane, virtualHost, route, cluster, path, authority, status, location, body, requestHeaders, responseHeaders, reason } =
    decision
  return JSON.stringify({
    id,
    outcome,
    lane,
    virtual_host: virtualHost ?? null,
    // many routes have no name
    route: route === undefined || route === '' ? null : route,
    cluster: cluster ?? null,
    path: path ?? null,
    authority: authority ?? null,
    status: status ?? null,
    location: location ?? null,
    body: body ?? null,
    request_headers: requestHeaders ?? null,
    response_headers: responseHeaders ?? null,
    reason,
  })
}

/** `reason` begins with the code */
export function errorLine(id: unknown, code: Code, message: string): string {
  return JSON.stringify({
    id,
    outcome: 'error',
    lane: null,
    virtual_host: null,
    route: null,
    cluster: null,
    path: null,
    authority: null,
    status: null,
    location: null,
    body: null,
    request_headers: null,
    response_headers: null,
    reason: `${code}: ${message}`,
  })
}
