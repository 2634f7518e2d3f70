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
import { MANY, manyVirtualHosts, type VirtualHostReader } from './many-virtual-hosts.ts'
import type { Route, RouteConfiguration, VirtualHost } from './model.ts'
import { readForward } from './read-forward.ts'
import { readMatchTree } from './read-match-tree.ts'
import { readMirrors, readRetryPolicy } from './read-policies.ts'
import { NO_RUNTIME } from './runtime.ts'
import { readMetadata } from './surroundings.ts'
import { readVirtualClusters } from './virtual-clusters.ts'

export interface RouteSettings extends MatchSettings {
  readonly rules: ActionRules
}

export function readRouteConfiguration(at: Cursor, rules: ActionRules, runtime: RuntimeValues = NO_RUNTIME): RouteConfiguration {
  const ignorePathParameters = at.boolean('ignore_path_parameters_in_path_matching') ?? false
  const settings: RouteSettings = { ignorePathParameters, runtime, rules }
  const vhostHeader = at.string('vhost_header') ?? ''
  return {
    path: at.path,
    name: at.string('name') ?? '',
    virtualHosts: readVirtualHosts(at, settings),
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

function readVirtualHosts(at: Cursor, settings: RouteSettings): readonly VirtualHost[] {
  const reader = virtualHostReader(settings)
  if (at.count('virtual_hosts') >= MANY) {
    // so that every field is accounted for, whoever asks for which
    for (const host of at.each('virtual_hosts')) readVirtualHost(host, reader)
    return manyVirtualHosts(at, reader)
  }
  return at.messages('virtual_hosts').map((host) => readVirtualHost(host, reader))
}

function readVirtualHost(at: Cursor, reader: VirtualHostReader): VirtualHost {
  return {
    path: reader.path(at),
    name: reader.name(at),
    domains: reader.domains(at),
    requireTls: reader.requireTls(at),
    routes: reader.routes(at),
    matcher: reader.matcher(at),
    headers: reader.headers(at),
    retry: reader.retry(at),
    hedge: reader.hedge(at),
    mirrors: reader.mirrors(at),
    filters: reader.filters(at),
    includeRequestAttemptCount: reader.includeRequestAttemptCount(at),
    includeAttemptCountInResponse: reader.includeAttemptCountInResponse(at),
    metadata: reader.metadata(at),
    virtualClusters: reader.virtualClusters(at),
  }
}

export function virtualHostReader(settings: RouteSettings): VirtualHostReader {
  return {
    path: (at) => at.path,
    name: (at) => at.string('name') ?? '',
    domains: (at) => at.strings('domains'),
    requireTls(at) {
      const tls = at.enum('require_tls')
      return tls === 'ALL' ? 'all' : tls === 'EXTERNAL_ONLY' ? 'external_only' : 'none'
    },
    routes: (at) => at.messages('routes').map((route) => readRoute(route, settings)),
    matcher(at) {
      const matcher = at.message('matcher')
      return matcher === undefined ? undefined : readMatchTree(matcher, (route) => readRoute(route, settings))
    },
    headers: (at) => settings.rules.readHeaders(at),
    retry: readRetryPolicy,
    hedge: (at) => at.has('hedge_policy'),
    mirrors: readMirrors,
    filters: (at) => settings.rules.readFilters(at),
    includeRequestAttemptCount: (at) => at.boolean('include_request_attempt_count') ?? false,
    includeAttemptCountInResponse: (at) => at.boolean('include_attempt_count_in_response') ?? false,
    metadata: readMetadata,
    virtualClusters: readVirtualClusters,
  }
}

function readRoute(at: Cursor, settings: RouteSettings): Route {
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
