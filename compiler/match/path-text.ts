/** The path as a path condition sees it: without query, in lower case where case does not count, without parameters where these are ignored. */
import type { HttpRequest } from '../http/request.ts'

export interface PathView {
  readonly caseSensitive: boolean
  /** RouteConfiguration.ignore_path_parameters_in_path_matching */
  readonly ignoreParameters: boolean
}

export function pathOf(view: PathView, request: HttpRequest): string {
  const path = view.caseSensitive ? request.barePath : request.barePathLowerCase
  return view.ignoreParameters && path.includes(';') ? path.replace(PARAMETERS, '') : path
}

/** from a ";" to the end of its segment; tried on Envoy 1.40 */
const PARAMETERS = /;[^/]*/g
