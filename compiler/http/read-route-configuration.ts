/**
 * envoy.config.route.v3.RouteConfiguration, as a resource or inline in a connection manager. In: its cursor. Out: a RouteConfiguration (model.ts), which
 * needs the cursor no more. Never throws on user input; what Envoy refuses at load is told elsewhere (validate/), and read here as well as it goes.
 */
import type { Cursor } from '../input/cursor.ts'
import type { MatchSettings } from '../match/matcher.ts'
import type { RuntimeValues } from '../match/runtime-values.ts'
import { lowerCase } from '../match/string-match.ts'
import { readMatch } from '../match/table.ts'
import type { ActionRules } from './exchange.ts'
import type { Route, RouteConfiguration, VirtualHost } from './model.ts'
import { readForward } from './read-forward.ts'
import { readMatchTree } from './read-match-tree.ts'
import { readMirrors, readRetryPolicy } from './read-policies.ts'
import { NO_RUNTIME } from './runtime.ts'
import { readMetadata } from './surroundings.ts'
import { readVirtualClusters } from './virtual-clusters.ts'

interface Settings extends MatchSettings {
  readonly rules: ActionRules
}

export function readRouteConfiguration(at: Cursor, rules: ActionRules, runtime: RuntimeValues = NO_RUNTIME): RouteConfiguration {
  const ignorePathParameters = at.boolean('ignore_path_parameters_in_path_matching') ?? false
  const settings: Settings = { ignorePathParameters, runtime, rules }
  const vhostHeader = at.string('vhost_header') ?? ''
  return {
    path: at.path,
    name: at.string('name') ?? '',
    virtualHosts: at.messages('virtual_hosts').map((host) => readVirtualHost(host, settings)),
    ignorePortInHostMatching: at.boolean('ignore_port_in_host_matching') ?? false,
    ignorePathParametersInPathMatching: ignorePathParameters,
    vhostHeader: vhostHeader === '' ? undefined : lowerCase(vhostHeader),
    mostSpecificHeaderMutationsWins: at.boolean('most_specific_header_mutations_wins') ?? false,
    validateClusters: at.boolean('validate_clusters'),
    internalOnlyHeaders: at.strings('internal_only_headers').map(lowerCase),
    headers: rules.readHeaders(at),
    mirrors: readMirrors(at),
    filters: rules.readFilters(at),
  }
}

function readVirtualHost(at: Cursor, settings: Settings): VirtualHost {
  const tls = at.enum('require_tls')
  const matcher = at.message('matcher')
  return {
    path: at.path,
    name: at.string('name') ?? '',
    domains: at.strings('domains'),
    requireTls: tls === 'ALL' ? 'all' : tls === 'EXTERNAL_ONLY' ? 'external_only' : 'none',
    routes: at.messages('routes').map((route) => readRoute(route, settings)),
    matcher: matcher === undefined ? undefined : readMatchTree(matcher, (route) => readRoute(route, settings)),
    headers: settings.rules.readHeaders(at),
    retry: readRetryPolicy(at),
    hedge: at.has('hedge_policy'),
    mirrors: readMirrors(at),
    filters: settings.rules.readFilters(at),
    includeRequestAttemptCount: at.boolean('include_request_attempt_count') ?? false,
    includeAttemptCountInResponse: at.boolean('include_attempt_count_in_response') ?? false,
    metadata: readMetadata(at),
    virtualClusters: readVirtualClusters(at),
  }
}

function readRoute(at: Cursor, settings: Settings): Route {
  const match = at.message('match')
  const forward = at.message('route')
  return {
    path: at.path,
    name: at.string('name') ?? '',
    match: match === undefined ? [] : readMatch(match, settings),
    action: forward === undefined ? settings.rules.readAction(at) : readForward(forward, settings.rules, settings.runtime),
    headers: settings.rules.readHeaders(at),
    filters: settings.rules.readFilters(at),
    metadata: readMetadata(at),
  }
}
